// Recovery plans: which there are, and whether they can be run.
import { Label } from '@patternfly/react-core';
import { usePlans } from '../../api/lists';
import { NewPlanAct } from '../../edits/plan/acts';
import { Rows } from '../../parts/facts';
import { PageFrame, To } from '../../parts/frame';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, span } from '../../words/format';

export default function Plans() {
  const found = usePlans();
  const { plans } = words;
  return (
    <PageFrame title={words.pages.plans} aside={<NewPlanAct />}>
      <Asking of={found}>
        {({ items }) => <Rows name={words.pages.plans} rows={items} idOf={(row) => row.name} none={plans.none} columns={[
          { title: plans.name, cell: (row) => <To path={`/plans/${encodeURIComponent(row.name)}`}>{row.name}</To> },
          { title: plans.groups, cell: (row) => row.groups.length },
          { title: plans.machines, cell: (row) => row.groups.reduce((sum, each) => sum + each.machines.length, 0) },
          { title: plans.goal, cell: (row) => (row.rto_goal_seconds ? span(row.rto_goal_seconds) : words.none) },
          { title: plans.can, cell: (row) => (row.obstacles.length ? <Label isCompact status="warning" variant="outline">{plans.obstacles(row.obstacles.length)}</Label> : <Label isCompact status="success" variant="outline">{words.yes}</Label>) },
          { title: plans.changed, cell: (row) => instant(row.changed_at) },
        ]} />}
      </Asking>
    </PageFrame>
  );
}
