"""Strings that trip readers, made from a seed: the same seed gives the same strings."""

import random

CANARY_FILE = "COMMAND_RAN"  # in the reader's working directory, where a command in a value was run

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC+/w==\n-----END PRIVATE KEY-----\n"

_RUNS = f"touch {CANARY_FILE}"
ATOMS = (
    # quotes, escapes, expansion
    *("'", '"', "`", "\\", "\\\\", "\\\\\\", "$", "$$", "${", "}", "$<", ">", "$(", ")", "\\'", '\\"', "\\$", "\\`"),
    *("'\\''", "'\"'\"'", "\\n", "\\r", "\\t", "\\x41", "\\0101", "\\u0041", "\\c", "\\\n", "%0A", "%25", "!", "!!"),
    # line ends and what some take for them, white space, what is not printed
    *("\n", "\r", "\r\n", "\n\n", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1e", " ", "  ", "\t", "\xa0"),
    *("\x01", "\x07", "\x08", "\x1b", "\x1b[31m", "\x7f", "\x80", "\x9f", "\ufeff", "\u200b", "\u202e", "\ufffe"),
    # comments, assignments, operators
    *(
        "#",
        " #",
        " # ",
        "\t#",
        ";",
        " ; ",
        "&",
        "&&",
        "|",
        "<",
        ">",
        "<<",
        "=",
        ":",
        ": ",
        ",",
        "*",
        "?",
        "[",
        "]",
        "{",
    ),
    *("~", "^", "%", "@", "- ", "-", "+", "/", ".", "_"),
    # text, in and outside of the basic plane
    *("a", "b", "z", "A", "Z", "0", "7", "word", "é", "e\u0301", "漢", "😀", "👩‍💻", "\U0010ffff", "\u0378"),
    # commands and variables
    *(f"$({_RUNS})", f"`{_RUNS}`", f";{_RUNS};", f"\n{_RUNS}\n", f"'\n{_RUNS}\n'", f'"\n{_RUNS}\n"', f"|{_RUNS}|"),
    *("$HOME", "${HOME}", "${X:-y}", "${:-$}", "$X", "$$X", "%(x)s", "{{x}}", "{x}", "$<SECRET>", "$<env:HOME>"),
    *("\nINJECTED=1\n", "'\nINJECTED=1\n'", '"\nINJECTED=1\n"', "`\nINJECTED=1\n`", "\r\nINJECTED=1\r\n"),
    *("\nexport INJECTED=1\n", "export ", "\nBASH_ENV=x\n"),
    # words of formats
    *("EOF", "\nEOF\n", "no", "null", "true", "~", "012", "1e3", "2020-01-01", "<<", "---", "...", "!!python/object"),
    *("::set-output name=x::y", "::add-mask::", "\n::endgroup::\n", "</script>", "<!--", '{"a": 1}', "[1, 2]", PEM),
    "$2b$12$KIXQJf0Qv1uFZ0aZb1e3uO",
)
SPECIALS = (
    *(
        "",
        " ",
        "  ",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "'",
        '"',
        "`",
        "''",
        '""',
        "'\"`",
        "\\",
        "\\\\",
        "\\\\\\",
        "#",
        "#a",
        ";a",
    ),
    *("a#b", "a #b", " a", "a ", "\ta", "a\t", "a\\", "a b\\", "a\n\\", "'a\\", "$", "$$", "$a", "${a}", "$<a>", "$<"),
    *("a\rb$<c>", "a\r${b}", "$(x)\r", "a\r", "a\r\n", "\ra", "\ufeffa", "a\x85", "\x85a", "\u2028a\\", "a\u2029#\\"),
    *(
        "no",
        "NO",
        "yes",
        "on",
        "null",
        "~",
        "0123",
        "1e3",
        "0x10",
        "1_000",
        "2020-01-01",
        "=",
        "<<",
        "12:30:45",
        ".inf",
    ),
    *(
        "EOF",
        "a\nEOF\nb",
        "::set-output name=a::b",
        "%0A",
        "%25",
        "x\"'`\nBASH_ENV=$(id)",
        PEM,
        PEM.replace("\n", "\r\n"),
    ),
    *("\0", "a\0b", "\ud800", "a\udfffb", '{"clef": "😀\u2028"}', "p@ss:w/o=rd%+,-", "$2b$12$KIXQJf0Qv1uFZ0aZb1e3uO/."),
    *(chr(code) for code in range(1, 33)),
    *(f"a{chr(code)}b" for code in (*range(1, 33), *range(0x7F, 0xA1), 0x2028, 0x2029, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF)),
)


def hostile_strings(count: int, seed: int) -> list[str]:
    """`count` strings: the known traps first, then random ones from `seed`."""
    drawn = random.Random(seed)
    strings = list(SPECIALS[:count])
    while len(strings) < count:
        atoms = drawn.choices(ATOMS, k=min(1 + int(drawn.expovariate(0.22)), 40))
        if drawn.random() < 0.005:
            atoms.append(drawn.choice(("\0", "\ud800", "\udc80")))
        strings.append("".join(atoms))
    return strings
