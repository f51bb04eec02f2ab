"""Parameters of paths and queries, described once."""

from typing import Annotated

from fastapi import Path, Query

from ...domain.machines.connecting import Line
from ...wire.common import points

SiteName = Annotated[str, Path(description="Name of the site.")]
OtherSite = Annotated[str, Path(description="Name of the other site.")]
ApplianceName = Annotated[str, Path(description="Id of the appliance, or its name if no other one has it.")]
MachineName = Annotated[
    str, Path(description="Id of a machine under protection, or its name if no other has it.")
]
PointId = Annotated[points.PointId, Path(description="Id of the recovery point.")]
LineName = Annotated[Line, Path(description="A line of what lets somebody connect.")]
PoolName = Annotated[str, Path(description="Name of the pool.")]
Address = Annotated[str, Path(description="An address of the pool that a machine has.")]
PolicyName = Annotated[str, Path(description="Name of the policy.")]
GroupName = Annotated[str, Path(description="Name of the replication group.")]
TargetName = Annotated[str, Path(description="Name of the target of notices.")]
ScheduleName = Annotated[str, Path(description="Name of the drill schedule.")]
PlanName = Annotated[str, Path(description="Name of the recovery plan.")]
PassId = Annotated[str, Path(description="Id of the pass.")]
WayId = Annotated[str, Path(description="Id of the way, as the header Drill-Way gave it.")]
SessionId = Annotated[str, Path(description="Id of the session.")]
PersonName = Annotated[str, Path(description="Name of the person.")]
SecurityKeyId = Annotated[str, Path(description="Id of the security key.")]
ProviderName = Annotated[str, Path(description="Name of the provider.")]
LoginCode = Annotated[str, Path(description="The code that a command line shows.")]
TokenName = Annotated[str, Path(description="Name of the token, or its id.")]
ApprovalNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the request for approval.")]
JobId = Annotated[str, Path(description="Id of the job, or a beginning of it that no other job has.")]

OnlySite = Annotated[str | None, Query(description="Only of this site.")]
FromSite = Annotated[str | None, Query(description="Only from this site.")]
ToSite = Annotated[str | None, Query(description="Only to this site.")]
