"""An AWS account on a loopback server: clients with explicit sessions, secrets, and principals with few rights."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.loaders
import botocore.session
import jwt

from tests.servers.loopback import LoopbackServer, Request, Response, json_response
from tests.servers.names import unique
from tests.support.limits import HANG

REGION = "eu-west-1"
_OIDC = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
METADATA_ACTIONS = ("DescribeSecret", "ListSecretVersionIds", "ListSecrets")
_WITHOUT_RESOURCE = {"BatchGetSecretValue", "ListSecrets"}
READ_ACTIONS = ("GetSecretValue", "BatchGetSecretValue", *METADATA_ACTIONS)

# The descriptions of the services, read once: IAM's alone takes longer than most tests.
_LOADER = botocore.loaders.Loader()


@dataclass(frozen=True, slots=True)
class Principal:
    """Keys of a user or of a session."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    arn: str = ""


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """An account at `url`. Its root may do everything; `principal()` makes users who may not."""

    url: str
    root: Principal
    prefix: str = ""  # before every name, where accounts are not apart

    def name(self, name: str) -> str:
        """Return the name of a secret as this account has it."""
        return f"{self.prefix}{name}"

    def session(self, principal: Principal | None = None) -> boto3.Session:
        """Return a fresh session; the default session would keep the credentials of another test."""
        who = principal or self.root
        session = botocore.session.Session()
        session.register_component("data_loader", _LOADER)
        session.set_credentials(who.access_key, who.secret_key, who.token)
        return boto3.Session(botocore_session=session, region_name=REGION)

    def client(
        self, service: str = "secretsmanager", principal: Principal | None = None, url: str | None = None
    ) -> Any:
        """Return a client of the account's server, or of a proxy before it at `url`. It does not retry."""
        config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=HANG, read_timeout=HANG)
        session: Any = self.session(principal)  # its stubs know each service by a literal name
        return session.client(service, endpoint_url=url or self.url, config=config)

    def environ(self, principal: Principal | None = None, *, url: str | None = None) -> dict[str, str]:
        """Return the variables that make an application `principal`, here or through a proxy at `url`."""
        who = principal or self.root
        variables = {
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return variables | ({"AWS_SESSION_TOKEN": who.token} if who.token else {})

    def create(self, name: str, value: str | bytes | Mapping[str, object], **more: object) -> str:
        """Return the ARN of a new secret; a mapping becomes JSON text."""
        if isinstance(value, Mapping):
            value = json.dumps(value)
        part = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        arn: str = self.client().create_secret(Name=self.name(name), **{part: value}, **more)["ARN"]
        return arn

    def create_many(self, names: Iterable[str], value: str = "value-of-{name}") -> None:
        """One secret for each name, over one connection."""
        client = self.client()
        for name in names:
            client.create_secret(Name=self.name(name), SecretString=value.format(name=name))

    def put(self, name: str, value: str, **more: object) -> str:
        """Return the id of a new version, which becomes AWSCURRENT unless `VersionStages` says otherwise."""
        version: str = self.client().put_secret_value(SecretId=self.name(name), SecretString=value, **more)["VersionId"]
        return version

    def delete(self, name: str) -> None:
        """Schedule a secret for deletion."""
        self.client().delete_secret(SecretId=self.name(name), RecoveryWindowInDays=7)

    def pending(self, name: str, value: str) -> str:
        """Return the id of a new version that is only AWSPENDING: a rotation that was begun and not ended."""
        return self.put(name, value, VersionStages=["AWSPENDING"])

    def valueless(self, name: str) -> None:
        """Create a secret without a value.

        moto says then, as AWS does, that there is no version AWSCURRENT; ministack answers 200 with no value in it.
        """
        self.client().create_secret(Name=self.name(name))

    def principal(
        self,
        actions: Iterable[str] = READ_ACTIONS,
        resource: str = "*",
        *,
        deny: Iterable[str] = (),
        service: str = "secretsmanager",
    ) -> Principal:
        """Return a new user who may call these actions of `service` on `resource`, and none of `deny`.

        Listing and batches have no resource: they are allowed for all, where they are among the actions.
        """
        iam = self.client("iam")
        name = unique("user")
        arn: str = iam.create_user(UserName=name)["User"]["Arn"]
        allowed = set(actions)
        groups = (
            ("Allow", allowed - _WITHOUT_RESOURCE, resource),
            ("Allow", allowed & _WITHOUT_RESOURCE, "*"),
            ("Deny", set(deny), resource),
        )
        statements = [
            {"Effect": effect, "Action": [f"{service}:{action}" for action in sorted(some)], "Resource": where}
            for effect, some, where in groups
            if some
        ]
        statements.append({"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": "*"})
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Principal(key["AccessKeyId"], key["SecretAccessKey"], None, arn)

    def metadata_only(self) -> Principal:
        """Return a user who may read no value: DescribeSecret, ListSecretVersionIds and ListSecrets."""
        return self.principal(METADATA_ACTIONS)

    def no_batch(self) -> Principal:
        """Return a user who may call GetSecretValue and not BatchGetSecretValue."""
        return self.principal(("GetSecretValue", *METADATA_ACTIONS))

    def role(self, trusted: Principal | None = None, actions: Iterable[str] = READ_ACTIONS) -> str:
        """Return the ARN of a new role that `trusted` (else anyone of the account) may assume."""
        who = {"AWS": trusted.arn if trusted else "*"}
        return self._role({"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}, actions)

    def assume(self, role: str, principal: Principal) -> Principal:
        """Return the keys of a new session of `role`, as `principal` gets them."""
        answer = self.client("sts", principal).assume_role(RoleArn=role, RoleSessionName="test")
        keys, arn = answer["Credentials"], answer["AssumedRoleUser"]["Arn"]
        return Principal(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], arn)

    def pod(self, folder: Path, actions: Iterable[str] = READ_ACTIONS, *, url: str | None = None) -> dict[str, str]:
        """Return the variables that EKS gives a pod whose service account has a role (IRSA), with the token's file."""
        account = self.client("sts").get_caller_identity()["Account"]
        now, subject = int(time.time()), "system:serviceaccount:production:app"
        condition = {"StringEquals": {f"{_OIDC}:sub": subject, f"{_OIDC}:aud": "sts.amazonaws.com"}}
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{_OIDC}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
        claims = {"iss": f"https://{_OIDC}", "aud": "sts.amazonaws.com", "sub": subject, "exp": now + 3600, "iat": now}
        file = folder / unique("pod-token")
        # The server looks at the claims only, so any signature does.
        file.write_text(jwt.encode(claims, secrets.token_hex(32), algorithm="HS256"))
        return {
            "AWS_ROLE_ARN": self._role(trust, actions),
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _role(self, trust: Mapping[str, object], actions: Iterable[str]) -> str:
        iam, name = self.client("iam"), unique("role")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": [f"secretsmanager:{action}" for action in actions], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=policy)
        return arn


class ContainerCredentials(LoopbackServer):
    """The endpoint by which ECS gives a task its keys; `principal` and `lifetime` may change while it runs."""

    def __init__(self, principal: Principal, *, lifetime: float = 3600) -> None:
        self.principal = principal
        self.lifetime = lifetime  # seconds; botocore refreshes in the last ten minutes
        self.token = secrets.token_hex(16)
        super().__init__()

    def environ(self, url: str) -> dict[str, str]:
        """Return the variables of a task that finds AWS at `url`."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v2/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,  # the only one of the two that botocore reads
            "AWS_ENDPOINT_URL": url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def answer(self, request: Request) -> Response:
        """Return the keys, for a request with the token, with or without a scheme before it."""
        if request.headers.get("Authorization") not in (self.token, f"Bearer {self.token}"):
            return json_response({"code": "AccessDenied", "message": "no"}, 403)
        expiration = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.lifetime)
        keys = {"AccessKeyId": self.principal.access_key, "SecretAccessKey": self.principal.secret_key}
        return json_response({**keys, "Token": self.principal.token, "Expiration": expiration.isoformat()})
