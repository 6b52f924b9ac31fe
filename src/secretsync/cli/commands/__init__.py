"""The commands: one module each, with a row in COMMANDS."""

# Start-up time counts: the table does not import the modules, and `main` imports the module of one command.

# Each command and its line in `secretsync --help`. Its module is `secretsync.cli.commands.<command>`, with "_" for a
# hyphen or space. A name of two words is a command of a group.
COMMANDS = {
    "run": "resolve, then start a command with the configuration in its environment",
    "render": "write the resolved configuration in one of several formats",
    "check": "does every secret exist? reads no value",
    "audit": "check a configuration before it is deployed: policy, plain text secrets, files, git",
    "track": "record the state of an environment: settings, references, versions; no secret",
    "diff": "what changed: since a record, between records, or between environments",
    "explain": "where each value comes from",
    "check-rotation": "how old the secrets are, against the policy; reads no value",
    "ps": "the processes that run started: which environment, since when, with the present versions?",
    "rotation merge": "one report on the secrets of many projects, of their JSON reports",
    "doctor": "is each store reachable, and with which identity?",
    "get": "print one value, for scripts",
    "import": "turn files with plain text secrets into env files, bindings and secrets in a store",
    "set": "store a new version of a secret, typed, piped, from a file or generated",
    "backup": "archive env/ and providers/, with checksums; refuses plain text secrets",
    "restore": "restore env/ and providers/ from an archive, all of it or nothing",
    "template": "write .env.example: the keys of the environments, without values",
    "export": "write manifests for External Secrets, ECS or GitLab CI; references, never values",
    "permissions": "write the smallest policy with which a store lets an environment read or check its secrets",
    "init": "create a project: env/, providers/, .gitignore and .dockerignore",
    "providers": "the installed providers, and their settings and options",
    "schema": "print a JSON Schema of the bindings or of policy.toml, for editors",
    "completion": "print a script with which bash, zsh or fish completes commands, options and names",
}
