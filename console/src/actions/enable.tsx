// Protection for machines of a site that have none.
import { useState } from 'react';
import { WHILE_SHOWN, queries } from '../api';
import { usePolicies, useSites } from '../api/lists';
import { Asking, told } from '../parts/state';
import { words } from '../words';
import { Obstacles } from './about';
import { Dialog } from './dialog';
import { MoreFields, NOTHING_MORE, asBody, isSoundMore, useUnprotected } from './enable-more';
import { Choice, Tick } from './fields';
import { start } from './start';
import { Ticks } from './ticked';

const MOST_ASKED = 5;

export default function Enable({ onClose }: { onClose: () => void }) {
  const sites = (useSites().data?.items ?? []).map((each) => each.name);
  const policies = (usePolicies().data?.items ?? []).map((each) => each.name);
  const [way, setWay] = useState({ source: '', target: '' });
  const [policy, setPolicy] = useState('default');
  const [encrypts, setEncrypts] = useState(false);
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [more, setMore] = useState(NOTHING_MORE);
  const { actions } = words;
  const { enable } = actions;
  const source = way.source || sites[0] || '';
  const target = way.target || sites.find((each) => each !== source) || '';
  const machines = [...ids];
  const found = useUnprotected(source);
  const disks = new Map(found.map((each) => [each.id, each.disks] as const));
  const extra = asBody(more, machines, disks);
  const body = { machines, source_site: source, target_site: target, policy, encrypt: encrypts, ...extra };
  const isSound = ids.size > 0 && source !== target && isSoundMore(more) && Object.values(extra.disks).every((each) => each.length > 0);
  const named = (all: readonly string[]) => all.map((each) => [each, each] as const);
  return (
    <Dialog
      title={actions.title(actions.verbs.enable_protection, actions.many(ids.size))} act={actions.verbs.enable_protection} verb="enable_protection" onClose={onClose}
      steps={actions.steps.enable_protection(source, target)} isSound={isSound} request={JSON.stringify(body)}
      send={(key) => start('enable_protection', { machines }, body, key, [])}
    >
      {(tried) => (
        <>
          <Choice title={enable.source} value={source} options={named(sites)} onChange={(to) => { setWay({ source: to, target }); setIds(new Set()); }} />
          <Choice title={enable.target} value={target} options={named(sites)} onChange={(to) => { setWay({ source, target: to }); setMore({ ...more, appliance: '', store: '' }); }} wrong={source === target && sites.length > 0 && enable.needTwo} />
          <Unprotected site={source} value={ids} onChange={setIds} wrong={tried && !ids.size && enable.needMachine} />
          <Choice title={enable.policy} value={policy} options={named(policies)} onChange={setPolicy} />
          <Tick title={enable.encrypt} value={encrypts} onChange={setEncrypts} />
          <MoreFields target={target} machines={found.filter((each) => ids.has(each.id))} value={more} onChange={setMore} tried={tried} />
          {source !== target && machines.slice(0, MOST_ASKED).map((each) => <Asked key={each} site={source} machine={each} target={target} encrypts={encrypts} />)}
        </>
      )}
    </Dialog>
  );
}

function Unprotected({ site, value, onChange, wrong }: { site: string; value: ReadonlySet<string>; onChange: (to: ReadonlySet<string>) => void; wrong: string | false }) {
  const found = queries.useQuery('get', '/api/discovery', { params: { query: { site } } }, { enabled: site !== '' });
  const { enable } = words.actions;
  return (
    <Asking of={found}>
      {([seen]) => (
        <>
          {seen?.problem && <p role="status">{seen.problem.message} {seen.problem.do}</p>}
          {seen?.machines.length ? <Ticks title={enable.machines} rows={seen.machines} value={value} onChange={onChange} wrong={wrong} /> : <p>{enable.none}</p>}
        </>
      )}
    </Asking>
  );
}

/** What both sites say to protecting one of them. */
function Asked({ site, machine, target, encrypts }: { site: string; machine: string; target: string; encrypts: boolean }) {
  const { data, error } = queries.useQuery('get', '/api/sites/{site}/machines/{machine}/preflight', { params: { path: { site, machine }, query: { target, encrypt: encrypts } } }, WHILE_SHOWN);
  const { enable } = words.actions;
  if (error) return <p role="status">{told(error).says} {told(error).next}</p>;
  return <section aria-label={enable.preflight}><h3 className="lesser">{data ? `${data.machine}${data.target_appliance ? `, ${data.target_appliance}` : ''}` : enable.preflight}</h3><Obstacles of={data?.obstacles ?? (data && [])} /></section>;
}
