"""One HTTPS call to a vault, for enrollment. No proxy, no redirect: only the vault itself is asked."""

import ssl
from urllib.parse import urlsplit

import httpx2

from ...domain import errors

SECONDS = 15.0


def ask(url: str, method: str, path: str, body: bytes | None, context: ssl.SSLContext) -> tuple[int, bytes]:
    """Status and body of the answer. Raises InvalidArgument for an invalid address, CertificateRefused where
    `context` refuses the certificate, ApplianceUnreachable for no answer."""
    try:
        # trust_env would let the environment name a proxy, or credentials for the vault's name
        with httpx2.Client(verify=context, timeout=SECONDS, trust_env=False) as client:
            headers = {"Content-Type": "application/json"}
            answer = client.request(method, _address(url, path), content=body, headers=headers)
            return answer.status_code, answer.content
    except httpx2.TransportError as problem:
        raise _not_reached(url, problem) from None


def _address(url: str, path: str) -> httpx2.URL:
    where = urlsplit(url)
    try:
        if where.scheme == "https" and where.hostname:
            return httpx2.URL(scheme="https", host=where.hostname, port=where.port, path=path)
    except (ValueError, httpx2.InvalidURL):
        pass
    raise errors.InvalidArgument(
        f"'{url}' is not an https address.", do="Give https://HOST:PORT of the vault."
    )


def _not_reached(url: str, problem: httpx2.TransportError) -> errors.SecondsiteError:
    refused = _certificate_problem(problem)
    if refused is not None:
        return errors.CertificateRefused(
            f"{url} does not show the vault's certificate for that name: {refused.verify_message}.",
            do="Use a name or address that the vault was made with ('secondsite vault init --host NAME').",
        )
    return errors.ApplianceUnreachable(
        f"The vault at {url} cannot be reached: {problem}", do="Check the address, the port and the firewall."
    )


def _certificate_problem(problem: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The certificate problem behind an error of the HTTP library, if any."""
    while problem is not None and not isinstance(problem, ssl.SSLCertVerificationError):
        problem = problem.__cause__ or problem.__context__
    return problem
