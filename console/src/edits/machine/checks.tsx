import { api, type Shapes } from '../../api';
import { words } from '../../words';
import { seen } from '../edition';
import { like, needed, orNone, spanWithin, within, type Field } from '../form';
import { PresentItems, type ItemsForm } from '../items';
import { readSpan, writeSpan } from '../reading';
import type { Of } from '.';

type Check = Shapes['MachineCheck'];
type Draft = Record<'name' | 'kind' | 'port' | 'path' | 'status' | 'text' | 'address' | 'source' | 'deadline', string>;
const KINDS: readonly Check['kind'][] = ['tcp', 'http', 'console', 'agent', 'file_systems'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;
const isNetworked = ({ kind }: Draft) => kind === 'tcp' || kind === 'http';
const isHttp = ({ kind }: Draft) => kind === 'http';

const draftOf = (of: Check): Draft => ({
  name: of.name, kind: of.kind, port: of.port?.toString() ?? '', path: of.path ?? '/', status: String(of.status ?? 200), text: of.text ?? '', address: of.address ?? '', source: of.source ?? '', deadline: writeSpan(of.deadline_seconds ?? 60),
});

function bodyOf(draft: Draft): Check {
  const { name, kind, port, path, status, text, address, source, deadline } = draft;
  return {
    name, kind: kind as Check['kind'], port: isNetworked(draft) && port ? Number(port) : null, path: isHttp(draft) ? path : '/', status: isHttp(draft) ? Number(status) : 200,
    text: (isHttp(draft) || kind === 'console') && text ? text : null, address: isNetworked(draft) ? address.trim() || null : null, source: isNetworked(draft) ? source.trim() || null : null, deadline_seconds: readSpan(deadline)!,
  };
}

function formOf(): ItemsForm<Draft> {
  const { edits: { check, wrong }, machine: { set } } = words;
  const fields: readonly Field<Draft>[] = [
    { name: 'name', title: check.name, wrong: like(NAME, wrong.short) },
    { name: 'kind', title: set.kind, options: KINDS.map((each) => [each, check.kinds[each]]) },
    { name: 'port', title: check.port, help: check.portHelp, wrong: (text, { kind }) => (text || kind === 'tcp') && within(1, 65_535)(text), isFor: isNetworked },
    { name: 'path', title: check.path, wrong: like(/^\/[!-~]{0,499}$/, wrong.path), isFor: isHttp },
    { name: 'status', title: check.status, wrong: within(100, 599), isFor: isHttp },
    { name: 'text', title: check.text, wrong: (text, { kind }) => (kind === 'console' ? needed(200) : orNone(needed(200)))(text), isFor: (draft) => isHttp(draft) || draft.kind === 'console' },
    { name: 'address', title: check.address, help: check.addressHelp, isFor: isNetworked },
    { name: 'source', title: check.source, help: check.sourceHelp, isFor: isNetworked },
    { name: 'deadline', title: set.deadline, wrong: spanWithin(1, 600, false) },
  ];
  return { fields, nameOf: (item, at) => item.name || check.one(at + 1), add: check.add, most: 16, fresh: () => draftOf({ name: '', kind: 'tcp' } as Check) };
}

export default function Checks({ machine: { id, name }, onClose }: Of) {
  const of = { path: { machine: id } };
  return (
    <PresentItems<Shapes['MachineChecks'], Draft>
      title={words.edits.title(`${words.machine.set.checks}: ${name}`)} verb="change_machine_checks" steps={words.edits.machine.nextStart} onClose={onClose}
      path="/api/machines/{machine}/checks" of={id} read={() => api.GET('/api/machines/{machine}/checks', { params: of })} draftOf={(value) => (value?.checks ?? []).map(draftOf)} form={formOf()}
      send={(checks, tag) => api.PUT('/api/machines/{machine}/checks', { params: { ...of, ...seen(tag) }, body: { checks: checks.map(bodyOf) } })}
    />
  );
}
