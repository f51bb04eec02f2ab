// One machine: its state, what is possible now and why the rest is not, its history and its settings.
import { Breadcrumb, BreadcrumbItem, Label, Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { MachineActs } from '../../actions/machine-acts';
import { Refused, queries, type Shapes } from '../../api';
import { Findings } from '../../parts/findings';
import { HealthLabel } from '../../parts/labels';
import { PageFrame } from '../../parts/frame';
import { Asking, Empty } from '../../parts/state';
import { words } from '../../words';
import { plain } from '../../words/format';
import { Events } from './events';
import { Now } from './now';
import { Points } from './points';
import { Settings } from './settings';

export type Machine = Shapes['Machine'];
const TABS = { now: Now, points: Points, settings: Settings, events: Events } as const;

export default function OneMachine() {
  const { id = '' } = useParams();
  const found = queries.useQuery('get', '/api/machines/{machine}', { params: { path: { machine: id } } });
  return (
    <PageFrame title={found.data?.name ?? words.machine.title} above={<Above />} aside={found.data && <Labels of={found.data} />}>
      {isGone(found.error) ? <Empty says={words.machine.gone}>{words.machine.goneDo}</Empty> : <Asking of={found}>{(machine) => <Found machine={machine} />}</Asking>}
    </PageFrame>
  );
}

const isGone = (problem: unknown) => problem instanceof Refused && problem.status === 404;

const Above = () => (
  <Breadcrumb><BreadcrumbItem render={({ className }) => <Link href="/machines" className={className}>{words.pages.machines}</Link>} /></Breadcrumb>
);

function Labels({ of: machine }: { of: Machine }) {
  return (
    <>
      <HealthLabel of={machine.health} />
      <Label isCompact>{plain(machine.state)}</Label>
      {machine.drill.state !== 'none' && <Label isCompact color="purple">{words.machines.drill(plain(machine.drill.state))}</Label>}
    </>
  );
}

function Found({ machine }: { machine: Machine }) {
  const [tab, setTab] = useState<keyof typeof TABS>('now');
  return (
    <>
      <MachineActs machine={machine} />
      <Findings of={machine.findings} />
      <Tabs activeKey={tab} onSelect={(_, to) => setTab(to as keyof typeof TABS)} mountOnEnter unmountOnExit className="tabs" aria-label={machine.name}>
        {Object.entries(TABS).map(([name, Shown]) => (
          <Tab key={name} eventKey={name} title={<TabTitleText>{words.machine.tabs[name as keyof typeof TABS]}</TabTitleText>}>
            <div className="parts"><Shown machine={machine} /></div>
          </Tab>
        ))}
      </Tabs>
    </>
  );
}
