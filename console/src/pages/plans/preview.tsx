// What a run of the plan would be if it were started now, machine by machine; nothing is started.
import { Alert, ExpandableSection } from '@patternfly/react-core';
import { useState } from 'react';
import { Choice } from '../../actions/fields';
import { WHILE_SHOWN, queries, type Shapes } from '../../api';
import { Facts, Rows } from '../../parts/facts';
import { To, machinePath } from '../../parts/frame';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, plain, span } from '../../words/format';

const VERBS = ['failover', 'planned_failover', 'test_failover'] as const;
type PreviewVerb = (typeof VERBS)[number];
type PreviewMachine = Shapes['PlanPreviewMachine'];

export function Preview({ of: plan }: { of: Shapes['Plan'] }) {
  const [verb, setVerb] = useState<PreviewVerb>('failover');
  const found = queries.useQuery('get', '/api/plans/{plan}/preview', { params: { path: { plan: plan.name }, query: { verb } } }, WHILE_SHOWN);
  const { plans, actions } = words;
  return (
    <>
      <div className="form"><Choice title={plans.run} value={verb} onChange={(to) => setVerb(to as PreviewVerb)} options={VERBS.map((each) => [each, actions.verbs[each]])} /></div>
      <Asking of={found}>{(preview) => <Told of={preview} isDrill={verb === 'test_failover'} />}</Asking>
    </>
  );
}

function Told({ of: preview, isDrill }: { of: Shapes['PlanPreview']; isDrill: boolean }) {
  const { plans } = words;
  return (
    <>
      {preview.problem && <Alert isInline variant="warning" title={preview.problem.message} component="h3">{preview.problem.do}</Alert>}
      {preview.warnings.map((each) => <Alert key={each} isInline isPlain variant="warning" title={each} component="h3" />)}
      <Facts of={[
        [plans.predicted, preview.predicted?.seconds != null && span(preview.predicted.seconds)],
        [plans.leftOut, preview.left_out.join(', ')],
        [plans.direction, preview.direction && plain(preview.direction)],
      ]} />
      {preview.groups.map((group) => (
        <section key={group.number} aria-label={`${plans.preview}: ${plans.group(group.number)}`}>
          <h3 className="lesser">{plans.group(group.number)}</h3>
          {group.before.length > 0 && <p>{plans.before}: {group.before.join(', ')}</p>}
          {group.machines.map((each) => <OneMachine key={each.id} of={each} isDrill={isDrill} />)}
          {group.after.length > 0 && <p>{plans.after}: {group.after.join(', ')}</p>}
        </section>
      ))}
    </>
  );
}

/** One machine in a line, and on request what it gets at the other site. */
function OneMachine({ of: machine, isDrill }: { of: PreviewMachine; isDrill: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const { plans } = words;
  const where = machine.host ? `${machine.to_site}, ${machine.host}` : machine.to_site;
  const line = [plans.starts(machine.name, where), machine.point && plans.from(instant(machine.point.taken_at), span(machine.loses_seconds))].filter(Boolean).join('; ');
  return (
    <>
      <ExpandableSection toggleText={line} isExpanded={isOpen} onToggle={(_, to) => setOpen(to)}>{isOpen && <There of={machine} isDrill={isDrill} />}</ExpandableSection>
      {machine.problem && <Alert isInline variant="warning" title={`${machine.name}: ${machine.problem.message}`} component="h4">{machine.problem.do}</Alert>}
    </>
  );
}

function There({ of: machine, isDrill }: { of: PreviewMachine; isDrill: boolean }) {
  const params = { params: { path: { machine: machine.id } } };
  const cards = queries.useQuery('get', '/api/machines/{machine}/settings', params);
  const checks = queries.useQuery('get', '/api/machines/{machine}/checks', params);
  const { plans, machine: { set } } = words;
  const { start_delay_seconds: delay, target_name: name } = machine.second_site;
  const network = (card: Shapes['MachineCard']) => (isDrill ? (card.test_connected ? card.test_network ?? set.drillOwn : set.off) : card.connected ? card.becomes ?? words.none : set.off);
  const address = (card: Shapes['MachineCard']) => (isDrill ? card.test_address ?? set.own : card.pool_address ?? card.address ?? (card.from_pool ? set.pool : set.own));
  return (
    <>
      <Facts of={[[set.name, name], [set.delay, delay && span(delay)], [plans.hooks, machine.hooks.join(', ')], [set.checks, checks.data && (checks.data.checks.map((each) => each.name).join(', ') || set.noChecks)], [words.machine.tabs.settings, <To path={machinePath(machine.id)}>{machine.name}</To>]]} />
      <Asking of={cards}>
        {(found) => <Rows name={`${set.cards}: ${machine.name}`} rows={found.cards} idOf={(row) => row.mac} columns={[
          { title: set.card, cell: (row) => row.key },
          { title: set.home, cell: (row) => row.source_network ?? words.none },
          { title: isDrill ? set.drill : set.there, cell: network },
          { title: set.address, cell: address },
        ]} />}
      </Asking>
    </>
  );
}
