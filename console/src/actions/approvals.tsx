// The acts on a request for approval: grant, refuse, withdraw.
import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { api, cache, type Shapes } from '../api';
import { may, useWho, type Who } from '../api/session';
import { Facts } from '../parts/facts';
import { words } from '../words';
import { ago, plain } from '../words/format';
import { Meanwhile } from './about';
import { Dialog } from './dialog';
import { Notes } from './fields';

type Approval = Shapes['Approval'];
type Act = 'grant' | 'refuse' | 'withdraw';
const REASON_MOST = 500;

/** Nobody grants a request of the same person; the vault decides it, this only spares the attempt. */
function allowed(row: Approval, who: Who): readonly Act[] {
  if (row.stage !== 'asked') return row.stage === 'granted' && row.who === who.name ? ['withdraw'] : [];
  if (row.who === who.name) return ['withdraw'];
  return may(who, row.permission) ? ['grant', 'refuse'] : [];
}

export function ApprovalActs({ row }: { row: Approval }) {
  const [open, setOpen] = useState<Act>();
  const who = useWho().data!;
  return (
    <div className="acts">
      {allowed(row, who).map((each) => <Button key={each} size="sm" variant="secondary" aria-label={words.actions.approvals.title(words.actions.approvals[each], row.number)} onClick={() => setOpen(each)}>{words.actions.approvals[each]}</Button>)}
      {open && <ApprovalAct row={row} act={open} meanwhile={!allowed(row, who).includes(open)} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

/** The machines that it names, with the way that each went then. */
function Asked({ of: machines }: { of: Approval['asked']['machines'] }) {
  return <ul>{machines.map((each) => <li key={each.id}>{words.actions.approvals.machine(each.name, each.source_site, each.target_site)}</li>)}</ul>;
}

function steps(act: Act, row: Approval): readonly string[] {
  const { approvals } = words.actions;
  if (act === 'grant') return approvals.willGrant(plain(row.verb), row.who);
  return act === 'refuse' ? approvals.willRefuse : approvals.willWithdraw;
}

function ApprovalAct({ row, act, meanwhile, onClose }: { row: Approval; act: Act; meanwhile: boolean; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const { approvals } = words.actions;
  const wrong = reason.length > REASON_MOST && approvals.reasonLong(reason.length);
  const send = async () => {
    const params = { path: { number: row.number } };
    const { data } = act === 'refuse' ? await api.POST('/api/approvals/{number}/refuse', { params, body: { reason } }) : await api.POST(`/api/approvals/{number}/${act}`, { params });
    await cache.invalidateQueries();
    return act === 'grant' ? (data?.job_id ?? undefined) : undefined;
  };
  return (
    <Dialog
      title={approvals.title(approvals[act], row.number)} act={approvals[act]} steps={steps(act, row)} isSound={!wrong} request={act + reason} send={send} onClose={onClose}
      meanwhile={meanwhile && <Meanwhile act={approvals[act]} was="asked" now={row.stage}>{row.by && `${row.by}: `}{row.why || row.tried}</Meanwhile>}
    >
      {() => (
        <>
          <Facts of={[[words.access.who, `${row.who}, ${ago(row.asked_at)}`], [words.access.verb, plain(row.verb)], [approvals.machines, row.asked.machines.length > 0 && <Asked key="of" of={row.asked.machines} />], [approvals.path, `${row.asked.method} ${row.asked.path}${row.asked.query ? `?${row.asked.query}` : ''}`], [approvals.body, row.asked.body && <code className="name">{row.asked.body}</code>]]} />
          {act === 'refuse' && <Notes title={approvals.reason} value={reason} onChange={setReason} help={approvals.reasonHelp} wrong={wrong} />}
        </>
      )}
    </Dialog>
  );
}
