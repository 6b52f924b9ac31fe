"""The services of AWS with secrets, and the endpoint of a service in a region."""

from __future__ import annotations

from secretsync.core.records import Record


class Service(Record):
    """How a service is named in other places than its host."""

    variable: str  # the end of the variable with its endpoint: AWS_ENDPOINT_URL_...
    target: str  # the start of the header X-Amz-Target
    once: tuple[str, ...] = ()  # operations that must not be sent again if it is unknown whether they were carried out


# The services that a provider may ask for secrets, by the names of their hosts.
SERVICES = {
    "secretsmanager": Service("SECRETS_MANAGER", "secretsmanager"),
    "ssm": Service("SSM", "AmazonSSM", once=("PutParameter",)),
}

# The domain of each partition, by the start of its regions: a word and a number follow. All other regions are in the
# commercial partition, or in GovCloud, which has the same domain.
SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-de-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}
_COMMERCIAL = "amazonaws.com"


def regional_endpoint(service: str, region: str) -> str:
    """Return the URL of `service`, such as `secretsmanager`, in a region. It has no path."""
    hyphens = region.count("-")
    suffixes = (
        suffix for start, suffix in SUFFIXES.items() if region.startswith(start) and hyphens == start.count("-") + 1
    )
    suffix = next(suffixes, _COMMERCIAL)
    return f"https://{service}.{region}.{suffix}"


def is_plain_region(region: str) -> bool:
    """Return True if `region` has the form `eu-west-1`. The SDK knows other forms, such as `aws-global`."""
    *words, number = region.split("-")
    return (
        len(words) >= 2
        and number.isascii()
        and number.isdigit()
        and all(word.isascii() and word.isalpha() and word.islower() for word in words)
        and "fips" not in words
    )
