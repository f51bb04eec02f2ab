// A replication group: its common points, and its machines.
import { api, type Shapes } from '../../api';
import { useSites } from '../../api/lists';
import { Ticks } from '../../actions/ticked';
import { useMachines } from '../../live';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { Edit } from '../edit';
import { seen, useEdition } from '../edition';
import { Fields, isSound, linesOf, named, plainOptions, spanWithin, type Field } from '../form';
import { readSpan, writeSpan } from '../reading';
import { RemoveEdition } from '../remove';

type Group = Shapes['Group'];
type Main = { name: string; source: string; target: string; every: string; app: boolean };
type Draft = { main: Main; machines: readonly string[] };
type Of = { name: string; onClose: () => void };
const MOST = 1000;

const draftOf = (of: Group | undefined): Draft => ({
  main: { name: of?.name ?? '', source: of?.source_site ?? '', target: of?.target_site ?? '', every: writeSpan(of?.multi_vm_every_seconds ?? 60), app: of?.app_consistent ?? false },
  machines: of?.machines ?? [],
});

function useFields(isNew: boolean): readonly Field<Main>[] {
  const sites = (useSites().data?.items ?? []).map((each) => each.name);
  const { edits: { group, plan, wrong }, groups, actions: { enable } } = words;
  const choice = [['', words.none] as const, ...plainOptions(sites)];
  return [
    { name: 'name', title: groups.name, help: plan.nameHelp, wrong: named, isFor: () => isNew },
    { name: 'source', title: enable.source, options: choice, wrong: (text) => !text && wrong.needed, isFor: () => isNew },
    { name: 'target', title: enable.target, options: choice, wrong: (text, draft) => (!text ? wrong.needed : text === draft.source && enable.needTwo), isFor: () => isNew },
    { name: 'every', title: groups.every, wrong: spanWithin(5, 86_400) },
    { name: 'app', title: group.app, help: group.appHelp },
  ];
}

function Members({ draft, change }: { draft: Draft; change: (to: Draft) => void }) {
  const { source, target } = draft.main;
  const rows = (useMachines() ?? []).filter((each) => each.source_site === source && each.target_site === target).map((each) => ({ id: each.name, name: each.name }));
  const away = draft.machines.filter((name) => !rows.some((each) => each.id === name)).map((name) => ({ id: name, name }));
  return <Ticks title={words.groups.machines} rows={[...rows, ...away]} value={new Set(draft.machines)} onChange={(to) => change({ ...draft, machines: [...to] })} wrong={draft.machines.length > MOST && words.edits.wrong.many(MOST)} />;
}

type Frame = Pick<Parameters<typeof Edit<Group, Draft>>[0], 'title' | 'act' | 'verb' | 'found' | 'again' | 'send' | 'onClose' | 'steps'>;

function Form({ isNew, ...frame }: Frame & { isNew: boolean }) {
  const fields = useFields(isNew);
  const lines = ({ main, machines }: Draft) => [...linesOf(fields, main), [words.groups.machines, [...machines].sort().join(', ')] as const];
  return (
    <Edit<Group, Draft> {...frame} draftOf={draftOf} lines={lines} isSound={({ main, machines }) => isSound(fields, main) && machines.length <= MOST}>
      {(draft, change, tried) => (
        <>
          <Fields fields={fields} draft={draft.main} onChange={(main) => change({ ...draft, main })} tried={tried} />
          <Members draft={draft} change={change} />
        </>
      )}
    </Edit>
  );
}

const common = ({ main: { every, app }, machines }: Draft) => ({ multi_vm_every_seconds: readSpan(every)!, app_consistent: app, machines: [...machines] });
const source = (name: string) => ({ path: '/api/groups/{group}', of: name, read: () => api.GET('/api/groups/{group}', { params: { path: { group: name } } }) });

export function NewGroup({ onClose }: { onClose: () => void }) {
  const send = (draft: Draft, _: string, key: string) =>
    api.POST('/api/groups', { body: { name: draft.main.name, source_site: draft.main.source, target_site: draft.main.target, ...common(draft) }, params: { header: { 'idempotency-key': key } } });
  return <Form isNew title={words.edits.group.create} act={words.edits.create} verb="create_group" send={send} onClose={onClose} />;
}

export function EditGroup({ name, onClose }: Of) {
  const { path, of, read } = source(name);
  const found = useEdition(path, of, read);
  const send = (draft: Draft, tag: string) => api.PUT('/api/groups/{group}', { params: { path: { group: name }, ...seen(tag) }, body: common(draft) });
  return <Asking of={found}>{(edition) => <Form isNew={false} title={words.edits.title(name)} act={words.edits.save} verb="update_group" steps={words.edits.group.steps} found={edition} again={found.refetch} send={send} onClose={onClose} />}</Asking>;
}

export function RemoveGroup({ name, onClose }: Of) {
  const send = (tag: string) => api.DELETE('/api/groups/{group}', { params: { path: { group: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_group" steps={words.edits.group.deletes} send={send} onClose={onClose} />;
}
