"""The error codes of AWS and the exceptions of botocore, in groups, and what each group means."""

from __future__ import annotations

from secretsync.core.errors import ProblemKind

THROTTLED = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
BROKEN = {"InternalFailure", "InternalServerError", "InternalServiceError", "InternalServiceErrorException"}
BROKEN |= {"IDPCommunicationError", "IDPCommunicationErrorException"}  # the issuer of a token does not answer to STS
BROKEN |= {"ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout", "RequestTimeoutException"}
DENIED = {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "OptInRequired"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "UnauthorizedSSOTokenError", "SSOTokenLoadError"}
UNKNOWN_KEYS = {
    "AuthFailure",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
SIGNATURE = {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
NO_CREDENTIALS |= {"MetadataRetrievalError", "TokenRetrievalError", "NoAuthTokenError"}
NO_CREDENTIALS |= {"CodeWantedError"}  # of SecretSync
NO_CREDENTIALS |= {"JSONDecodeError"}  # of what a credential_process wrote, or a sign-in left
NO_CREDENTIALS |= {"FileNotFoundError", "PermissionError"}  # of the file that a variable or a profile names
CONFIGURATION = {
    "ConfigNotFound",
    "ConfigParseError",
    "EndpointProviderError",
    "EndpointResolutionError",
    "EndpointVariantError",
    "InfiniteLoopConfigError",
    "InvalidChecksumConfigError",
    "InvalidConfigError",
    "InvalidDefaultsMode",
    "InvalidEndpointConfigurationError",
    "InvalidIMDSEndpointError",
    "InvalidIMDSEndpointModeError",
    "InvalidMaxRetryAttemptsError",
    "InvalidProxiesConfigError",
    "InvalidRegionError",
    "InvalidRetryConfigurationError",
    "InvalidRetryModeError",
    "InvalidSTSRegionalEndpointsConfigError",
    "NoRegionError",
    "PlainEndpointError",  # of SecretSync
    "ProfileNotFound",
    "UnknownCredentialError",
    "UnknownEndpointError",
    "UnknownFIPSEndpointError",
    "UnknownRegionError",
    "UnknownSignatureVersionError",
    "UnknownTokenProviderError",
    "UnsupportedSignatureVersionError",
    "UnusableInputError",  # of SecretSync
}
INVALID = {"InvalidParameterException", "InvalidRequestException", "ParamValidationError", "ValidationException"}
# Exceptions of botocore for connections that could not be made, were lost, or timed out.
CONNECTION = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "CredentialEndpointError",  # of SecretSync
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
}

# The meaning of a code, whatever was requested. The first row with the code counts.
MEANINGS = (
    (
        {"PlainEndpointError"},
        ProblemKind.CONFIGURATION,
        "the endpoint would send the values in the clear",
        "use https://, or say plain_http = true where something else encrypts the way",
    ),
    ({"NoRegionError"}, ProblemKind.CONFIGURATION, "no region is named", "set region, or AWS_REGION"),
    (
        {"InvalidRegionError", "UnknownRegionError"},
        ProblemKind.CONFIGURATION,
        "there is no region of that name",
        "region, or AWS_REGION, is a name such as eu-west-1",
    ),
    (
        {"ProfileNotFound"},
        ProblemKind.CONFIGURATION,
        "there is no such profile",
        "profile, or AWS_PROFILE, names one of ~/.aws/config",
    ),
    (
        CONFIGURATION,
        ProblemKind.CONFIGURATION,
        "the SDK cannot be configured",
        "see the store's settings and ~/.aws/config",
    ),
    (
        {"CodeWantedError"},
        ProblemKind.DENIED,
        "the profile wants a code of an MFA device, and SecretSync does not ask for one",
        "sign in before: `aws sts get-session-token`, or `aws sso login`",
    ),
    (
        {"PartialCredentialsError"},
        ProblemKind.DENIED,
        "the credentials are not complete",
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together, as do role_arn and source_profile of a profile",
    ),
    (EXPIRED, ProblemKind.DENIED, "our credentials have expired", "get new ones: sign in again"),
    (
        NO_CREDENTIALS,
        ProblemKind.DENIED,
        "no credentials were found",
        "AWS_PROFILE, AWS_ACCESS_KEY_ID, or the platform's role (IRSA, ECS, EC2) gives some",
    ),
    (UNKNOWN_KEYS, ProblemKind.DENIED, "AWS does not know our credentials", "of which account are they?"),
    (
        {"SSLError"},
        ProblemKind.UNAVAILABLE,
        "the endpoint has no certificate that we trust",
        "AWS_CA_BUNDLE names the authorities of a private endpoint",
    ),
    (
        {"CredentialEndpointError"},
        ProblemKind.UNAVAILABLE,
        "the endpoint that gives the platform's credentials failed",
        "does the agent that answers at AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI run?",
    ),
    (CONNECTION, ProblemKind.UNAVAILABLE, "the endpoint cannot be reached", "is there a way to it from here?"),
)
