"""The rules of Parameter Store that ministack does not have: rights to one parameter, KMS keys, ten different names."""

from __future__ import annotations

from tests.servers.aws import REGION
from tests.servers.faults import FaultProxy
from tests.servers.loopback import Request, Response, json_response

METADATA_ACTIONS = ("DescribeParameters",)
READ_ACTIONS = ("GetParameters", *METADATA_ACTIONS)
_LIMIT = 10  # names of a request


class ParameterProxy(FaultProxy):
    """A proxy before ministack. It refuses what AWS refuses, with the texts of AWS."""

    def __init__(self, upstream: str, principal: str = "arn:aws:iam::000000000000:user/app") -> None:
        self.principal = principal
        self.denied: set[str] = set()  # names without a right
        self.undecrypted: dict[str, tuple[str, str]] = {}  # by name: the code and the text of KMS
        super().__init__(upstream)

    def answer(self, request: Request) -> Response:
        """Return a refusal, or the answer of ministack."""
        if self.operation(request) == "GetParameters" and (refusal := self._refusal(request)) is not None:
            return refusal
        return super().answer(request)

    def _refusal(self, request: Request) -> Response | None:
        names = request.json["Names"]
        assert isinstance(names, list)
        bases = [
            name.partition(":parameter")[2] if name.startswith("arn:") else name.partition(":")[0] for name in names
        ]
        if len(bases) > _LIMIT:
            return _error("ValidationException", f"Member must have length less than or equal to {_LIMIT}")
        if len({base.lstrip("/") for base in bases}) < len(bases):
            return _error("ValidationException", "Duplicate parameter names are not allowed")
        for base in bases:
            if base in self.denied:
                arn = f"arn:aws:ssm:{REGION}:000000000000:parameter/{base.lstrip('/')}"
                text = (
                    f"User: {self.principal} is not authorized to perform: ssm:GetParameters on resource: {arn} "
                    "because no identity-based policy allows the ssm:GetParameters action"
                )
                return _error("AccessDeniedException", text)
            if base in self.undecrypted:
                return _error(*self.undecrypted[base])
        return None


def _error(code: str, message: str) -> Response:
    return json_response({"__type": code, "message": message}, 400)
