"""One method per thing that can be asked of a vault; shapes in, shapes out, domain errors raised."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx2
import pydantic

from ..domain import errors
from ..domain.lifecycle import Verb
from ..domain.points import RecoveryPointChoice
from ..wire import places, rest
from ..wire.bandwidth import BandwidthShape
from ..wire.base import Shape
from ..wire.inventories import SiteMachines, SiteNetworks
from ..wire.replication import PointShape
from .shapes import NewToken, TokenCreate, TokenName

S = TypeVar("S", bound=Shape)
READ_SECONDS = 60.0
CONNECT_SECONDS = 5.0


class VaultClient:
    """Talks to the vault at `url` (https) whose certificate `ca` (PEM file) vouches for, with an access token."""

    def __init__(self, url: str, token: str, ca: Path) -> None:
        self._url = url
        timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=url, headers=headers, verify=_trust(ca), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def vault(self) -> rest.VaultInfo:
        return self._one(rest.VaultInfo, "GET", "/api/vault")

    def sites(self) -> list[places.SiteShape]:
        return self._many(places.SiteShape, "/api/sites")

    def add_site(self, name: str) -> places.SiteShape:
        return self._one(places.SiteShape, "POST", "/api/sites", body=_shape(places.SiteCreate, name=name))

    def site(self, name: str) -> places.SiteShape:
        return self._one(places.SiteShape, "GET", f"/api/sites/{_part(name)}")

    def limit_site(self, name: str, schedule: BandwidthShape) -> places.SiteShape:
        """How fast the site may send from now on."""
        return self._one(places.SiteShape, "PUT", f"/api/sites/{_part(name)}/bandwidth", body=schedule)

    def remove_site(self, name: str) -> None:
        self._call("DELETE", f"/api/sites/{_part(name)}")

    def registration_key(self, site: str) -> places.RegistrationKey:
        return self._one(places.RegistrationKey, "POST", f"/api/sites/{_part(site)}/registration-key")

    def appliances(self) -> list[places.ApplianceShape]:
        return self._many(places.ApplianceShape, "/api/appliances")

    def remove_appliance(self, name: str) -> None:
        self._call("DELETE", f"/api/appliances/{_part(name)}")

    def policies(self) -> list[rest.PolicyInfo]:
        return self._many(rest.PolicyInfo, "/api/policies")

    def add_policy(self, policy: rest.PolicyCreate) -> rest.PolicyInfo:
        return self._one(rest.PolicyInfo, "POST", "/api/policies", body=policy)

    def update_policy(self, policy: rest.PolicyCreate) -> rest.PolicyInfo:
        return self._one(rest.PolicyInfo, "PUT", f"/api/policies/{_part(policy.name)}", body=policy)

    def remove_policy(self, name: str) -> None:
        self._call("DELETE", f"/api/policies/{_part(name)}")

    def groups(self) -> list[rest.GroupInfo]:
        return self._many(rest.GroupInfo, "/api/groups")

    def group(self, name: str) -> rest.GroupInfo:
        return self._one(rest.GroupInfo, "GET", f"/api/groups/{_part(name)}")

    def add_group(self, group: rest.GroupCreate) -> rest.GroupInfo:
        return self._one(rest.GroupInfo, "POST", "/api/groups", body=group)

    def change_group(
        self, name: str, change: Literal["add", "remove"], machines: Sequence[str]
    ) -> rest.GroupInfo:
        """Machines join the group, or leave it."""
        body = _shape(rest.MachinesRequest, machines=tuple(machines))
        return self._one(rest.GroupInfo, "POST", f"/api/groups/{_part(name)}/{change}", body=body)

    def delete_group(self, name: str) -> None:
        self._call("DELETE", f"/api/groups/{_part(name)}")

    def networks(self, site: str | None = None) -> list[SiteNetworks]:
        return self._many(SiteNetworks, "/api/networks", {"site": site})

    def map_network(self, mapping: places.NetworkMapping) -> places.NetworkMapping:
        return self._one(places.NetworkMapping, "PUT", "/api/networks/mappings", body=mapping)

    def unmap_network(self, source_site: str, source_network: str, target_site: str) -> None:
        query = {"source_site": source_site, "source_network": source_network, "target_site": target_site}
        self._call("DELETE", "/api/networks/mappings", query=query)

    def machines(self, site: str | None = None, discover: bool = False) -> list[rest.MachineShape]:
        """Machines under protection; with `discover` also those that the sites' fabrics know."""
        return self._many(rest.MachineShape, "/api/machines", {"site": site, "discover": discover})

    def discovered(self, site: str | None = None) -> list[SiteMachines]:
        """Machines that nobody protects, per site; of one that cannot be asked, those that it had, and why."""
        return self._many(SiteMachines, "/api/discovery", {"site": site})

    def machine(self, name: str) -> rest.MachineShape:
        return self._one(rest.MachineShape, "GET", f"/api/machines/{_part(name)}")

    def rpo(self, machine: str, since: datetime | None = None) -> list[rest.RpoSample]:
        """Every ten seconds since then, oldest first; a week is kept."""
        query = {"since": None if since is None else since.isoformat()}
        return self._many(rest.RpoSample, f"/api/machines/{_part(machine)}/rpo", query)

    def points(self, machine: str) -> list[PointShape]:
        return self._many(PointShape, f"/api/machines/{_part(machine)}/points")

    def hold_point(self, machine: str, point: str, reason: str) -> PointShape:
        """Keeps the point until it is released, whatever retention says."""
        path = f"/api/machines/{_part(machine)}/points/{_part(point)}/hold"
        return self._one(PointShape, "PUT", path, body=_shape(rest.HoldRequest, reason=reason))

    def release_point(self, machine: str, point: str) -> PointShape:
        path = f"/api/machines/{_part(machine)}/points/{_part(point)}/hold"
        return self._one(PointShape, "DELETE", path)

    def verify_point(self, machine: str, point: str) -> rest.JobAccepted:
        """Starts a job that reads the point and compares it with what was sealed."""
        path = f"/api/machines/{_part(machine)}/points/{_part(point)}/verify"
        return self._one(rest.JobAccepted, "POST", path)

    def possible(self, machine: str, choice: RecoveryPointChoice) -> rest.Possible:
        """The point that `choice` would pick now, and what it loses."""
        return self._one(
            rest.Possible, "GET", f"/api/machines/{_part(machine)}/possible", query={"choice": choice.value}
        )

    def start(self, verb: Verb, request: Shape) -> rest.JobAccepted:
        """Starts a verb; the answer names the job to follow."""
        return self._one(
            rest.JobAccepted, "POST", f"/api/machines/{verb.value.replace('_', '-')}", body=request
        )

    def jobs(
        self,
        state: str | None = None,
        machine: str | None = None,
        limit: int | None = None,
        children: bool = True,
    ) -> list[rest.JobShape]:
        """Newest first, without their tasks; without `children` only those that no other job started."""
        query = {"state": state, "machine": machine, "limit": limit, "children": children}
        return self._many(rest.JobShape, "/api/jobs", query)

    def tokens(self) -> list[TokenName]:
        return self._many(TokenName, "/api/tokens")

    def add_token(self, name: str) -> NewToken:
        return self._one(NewToken, "POST", "/api/tokens", body=TokenCreate(name=name))

    def remove_token(self, name: str) -> None:
        self._call("DELETE", f"/api/tokens/{_part(name)}")

    def job(self, job_id: str) -> rest.JobShape:
        return self._one(rest.JobShape, "GET", f"/api/jobs/{_part(job_id)}")

    def cancel_job(self, job_id: str) -> rest.JobShape:
        return self._one(rest.JobShape, "POST", f"/api/jobs/{_part(job_id)}/cancel")

    def retry_job(self, job_id: str) -> rest.JobShape:
        return self._one(rest.JobShape, "POST", f"/api/jobs/{_part(job_id)}/retry")

    def follow(self, job_id: str) -> Iterator[rest.JobShape]:
        """The job's tree each time it changes, until it has ended (server-sent events)."""
        try:
            with self._http.stream("GET", f"/api/jobs/{_part(job_id)}/events") as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _error(answer)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield rest.JobShape.model_validate_json(line.removeprefix("data:").strip())
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    def _one(
        self,
        shape: type[S],
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Shape | None = None,
    ) -> S:
        answer = self._call(method, path, query=query, body=body)
        try:
            return shape.model_validate_json(answer.content)
        except pydantic.ValidationError as error:
            raise self._not_understood(path) from error

    def _many(self, shape: type[S], path: str, query: Mapping[str, Any] | None = None) -> list[S]:
        answer = self._call("GET", path, query=query)
        try:
            return [shape.model_validate(each) for each in answer.json()]
        except (ValueError, TypeError) as error:
            raise self._not_understood(path) from error

    def _call(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Shape | None = None
    ) -> httpx2.Response:
        given = {key: value for key, value in (query or {}).items() if value is not None}
        payload = None if body is None else body.model_dump(mode="json")
        try:
            answer = self._http.request(method, path, params=given, json=payload)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        if answer.status_code >= 400:
            raise _error(answer)
        return answer

    def _not_understood(self, path: str) -> errors.SecondsiteError:
        return errors.Internal(
            f"{self._url}{path} answers what we do not understand.",
            do="Check that --url names a vault, and that the vault and this program have the same version.",
        )

    def _unreachable(self, error: Exception) -> errors.SecondsiteError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return errors.CertificateRefused(
                f"The vault at {self._url} shows a certificate that our CA did not issue.",
                do="Give the right CA file with --ca, or check that --url names your vault.",
            )
        return errors.VaultUnreachable(f"The vault at {self._url} does not answer: {error}.")


def _part(name: str) -> str:
    """What a person typed as one part of a path: it leads nowhere else. Raises InvalidArgument for no name at all."""
    if name.strip() in ("", ".", ".."):
        raise errors.InvalidArgument(f"'{name}' is no name.")
    return quote(name, safe="")


def _shape(shape: type[S], **values: Any) -> S:
    """A request from what a person typed; raises InvalidArgument where it does not fit."""
    try:
        return shape(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise errors.InvalidArgument(f"{field}: {first['msg']} (got {first.get('input')!r}).") from None


def _trust(ca: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise errors.InvalidArgument(
            f"The CA file {ca} cannot be read: {error}.",
            do="Name the vault's ca.pem with --ca or SECONDSITE_CA.",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _error(answer: httpx2.Response) -> errors.SecondsiteError:
    try:
        return rest.ErrorBody.model_validate_json(answer.content).error.raised()
    except pydantic.ValidationError:
        return errors.Internal(f"The vault answered {answer.status_code}: {answer.text[:200]}")
