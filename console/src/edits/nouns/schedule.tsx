// A schedule of drills: a new one, or one that is there; and a turn of it now.
import { api, type Shapes } from '../../api';
import { usePlans } from '../../api/lists';
import { words } from '../../words';
import { Dialog } from '../../actions/dialog';
import { seen } from '../edition';
import { New, Present } from '../editor';
import { like, named, needed, plainOptions, within, type Field } from '../form';
import { readList } from '../reading';
import { RemoveEdition } from '../remove';

type Schedule = Shapes['DrillSchedule'];
type Draft = Record<'name' | 'plan' | 'machines' | 'days' | 'at' | 'network' | 'subnet' | 'dns', string> & { keeps: boolean; paused: boolean };
type Of = { name: string; onClose: () => void };

const draftOf = (of: Schedule | undefined): Draft => ({
  name: of?.name ?? '', plan: of?.plan ?? '', machines: of?.machines.map((each) => each.name).join('\n') ?? '', days: String(of?.every_days ?? 30), at: of?.at ?? '03:00', network: of?.network ?? 'create',
  subnet: of?.subnet ?? '', dns: of?.dns_servers.join('\n') ?? '', keeps: of?.keep_if_failed ?? false, paused: of?.paused ?? false,
});

const bodyOf = ({ plan, machines, days, at, network, subnet, dns, keeps, paused }: Draft): Shapes['DrillScheduleChange'] => ({
  plan: plan || null, machines: plan ? [] : readList(machines), every_days: Number(days), at, network: network.trim(), subnet: subnet.trim() || null, dns_servers: readList(dns), keep_if_failed: keeps, paused,
});

function useFields(isNew: boolean): readonly Field<Draft>[] {
  const plans = (usePlans().data?.items ?? []).map((each) => each.name);
  const { edits: { schedule, plan, wrong, card }, drills, actions: { network } } = words;
  const machines = (text: string) => (!readList(text).length ? wrong.needed : readList(text).length > 100 && wrong.many(100));
  return [
    { name: 'name', title: drills.name, help: plan.nameHelp, wrong: named, isFor: () => isNew },
    { name: 'plan', title: schedule.plan, options: (draft) => [['', schedule.machines], ...plainOptions([...new Set([...plans, draft.plan].filter(Boolean))])] },
    { name: 'machines', title: words.pages.machines, kind: 'lines', help: schedule.machinesHelp, wrong: machines, isFor: (draft) => !draft.plan },
    { name: 'days', title: schedule.days, wrong: within(1, 365) },
    { name: 'at', title: schedule.at, wrong: like(/^([01]\d|2[0-3]):[0-5]\d$/, wrong.time) },
    { name: 'network', title: network.title, help: schedule.networkHelp, wrong: needed(255) },
    { name: 'subnet', title: schedule.subnet, help: schedule.subnetHelp },
    { name: 'dns', title: card.dns, kind: 'lines', help: card.dnsHelp, wrong: (text) => readList(text).length > 3 && wrong.many(3) },
    { name: 'keeps', title: schedule.keeps },
    { name: 'paused', title: schedule.paused },
  ];
}

const source = (name: string) => ({ path: '/api/drills/schedules/{schedule}', of: name, read: () => api.GET('/api/drills/schedules/{schedule}', { params: { path: { schedule: name } } }) });

export function NewSchedule({ onClose }: { onClose: () => void }) {
  const send = (draft: Draft, key: string) => api.POST('/api/drills/schedules', { body: { name: draft.name, ...bodyOf(draft) }, params: { header: { 'idempotency-key': key } } });
  return <New<Schedule, Draft> title={words.edits.schedule.create} verb="create_drill_schedule" fields={useFields(true)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function EditSchedule({ name, onClose }: Of) {
  const send = (draft: Draft, tag: string) => api.PUT('/api/drills/schedules/{schedule}', { params: { path: { schedule: name }, ...seen(tag) }, body: bodyOf(draft) });
  return <Present<Schedule, Draft> {...source(name)} title={words.edits.title(name)} verb="update_drill_schedule" fields={useFields(false)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function RemoveSchedule({ name, onClose }: Of) {
  const send = (tag: string) => api.DELETE('/api/drills/schedules/{schedule}', { params: { path: { schedule: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_drill_schedule" steps={words.edits.schedule.deletes} send={send} onClose={onClose} />;
}

export function RunSchedule({ name, onClose }: Of) {
  const { schedule } = words.edits;
  const send = async (key: string) => (await api.POST('/api/drills/schedules/{schedule}/run', { params: { path: { schedule: name }, header: { 'idempotency-key': key } } })).data?.job_id;
  return <Dialog title={words.actions.title(schedule.run, name)} act={schedule.run} verb="run_drill_schedule" steps={schedule.runs} request={name} send={send} onClose={onClose} />;
}
