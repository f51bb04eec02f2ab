// A replication policy: a new one, or one that is there.
import { api, type Shapes } from '../../api';
import { words } from '../../words';
import { seen } from '../edition';
import { New, Present } from '../editor';
import { named, spanWithin, type Field } from '../form';
import { readSpan, writeSpan } from '../reading';
import { RemoveEdition } from '../remove';

type Policy = Shapes['Policy'];
type Draft = Record<'name' | 'rpo' | 'retention' | 'crash' | 'app' | 'cycle' | 'journal' | 'rto', string> & { encrypt: boolean };
type Of = { name: string; onClose: () => void };
const DAY = 86_400;

const draftOf = (of: Policy | undefined): Draft => ({
  name: of?.name ?? '', rpo: writeSpan(of?.rpo_threshold_seconds ?? 900), retention: writeSpan(of?.retention_seconds ?? DAY), crash: writeSpan(of?.crash_consistent_every_seconds ?? 300),
  app: writeSpan(of?.app_consistent_every_seconds ?? 3_600), cycle: writeSpan(of?.cycle_seconds ?? 5), journal: writeSpan(of?.journal_seconds ?? 3_600), rto: writeSpan(of?.rto_goal_seconds ?? 0), encrypt: of?.encrypt ?? false,
});

const bodyOf = ({ name, rpo, retention, crash, app, cycle, journal, rto, encrypt }: Draft): Shapes['PolicyCreate'] => ({
  name, rpo_threshold_seconds: readSpan(rpo)!, retention_seconds: readSpan(retention)!, crash_consistent_every_seconds: readSpan(crash)!, app_consistent_every_seconds: readSpan(app)!,
  cycle_seconds: readSpan(cycle)!, journal_seconds: readSpan(journal)!, rto_goal_seconds: readSpan(rto)!, encrypt,
});

function fieldsOf(isNew: boolean): readonly Field<Draft>[] {
  const { edits: { policy, plan }, policies } = words;
  return [
    { name: 'name', title: policies.name, help: plan.nameHelp, wrong: named, isFor: () => isNew },
    { name: 'rpo', title: policies.rpo, help: policy.rpoHelp, wrong: spanWithin(1, 7 * DAY) },
    { name: 'retention', title: policies.retention, help: policy.retentionHelp, wrong: spanWithin(0, 365 * DAY) },
    { name: 'crash', title: policies.crash, wrong: spanWithin(1, DAY) },
    { name: 'app', title: policies.app, help: policy.appHelp, wrong: spanWithin(0, 7 * DAY) },
    { name: 'cycle', title: policy.cycle, help: policy.cycleHelp, wrong: spanWithin(0.2, 3_600, false) },
    { name: 'journal', title: policies.journal, help: policy.journalHelp, wrong: spanWithin(0, DAY) },
    { name: 'rto', title: policies.rto, help: policy.rtoHelp, wrong: spanWithin(0, 30 * DAY) },
    { name: 'encrypt', title: policy.encrypt, help: policy.encryptHelp },
  ];
}

const source = (name: string) => ({ path: '/api/policies/{policy}', of: name, read: () => api.GET('/api/policies/{policy}', { params: { path: { policy: name } } }) });

export function NewPolicy({ onClose }: { onClose: () => void }) {
  const send = (draft: Draft, key: string) => api.POST('/api/policies', { body: bodyOf(draft), params: { header: { 'idempotency-key': key } } });
  return <New<Policy, Draft> title={words.edits.policy.create} verb="create_policy" fields={fieldsOf(true)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function EditPolicy({ name, onClose }: Of) {
  const send = (draft: Draft, tag: string) => api.PUT('/api/policies/{policy}', { params: { path: { policy: name }, ...seen(tag) }, body: bodyOf(draft) });
  return <Present<Policy, Draft> {...source(name)} title={words.edits.title(name)} verb="update_policy" steps={words.edits.policy.steps} fields={fieldsOf(false)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function RemovePolicy({ name, onClose }: Of) {
  const send = (tag: string) => api.DELETE('/api/policies/{policy}', { params: { path: { policy: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_policy" steps={words.edits.policy.deletes} send={send} onClose={onClose} />;
}
