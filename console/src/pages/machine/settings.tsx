// What is set for the machine: cards and addresses, size, checks and hooks.
import { queries } from '../../api';
import { may, useWho } from '../../api/session';
import { EditActs } from '../../edits/edit-acts';
import * as edit from '../../edits/machine';
import { Facts, Part, Rows } from '../../parts/facts';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { bytes, plain, span } from '../../words/format';
import type { Machine } from '.';

export function Settings({ machine }: { machine: Machine }) {
  const params = { params: { path: { machine: machine.id } } };
  const cards = queries.useQuery('get', '/api/machines/{machine}/settings', params);
  const size = queries.useQuery('get', '/api/machines/{machine}/properties', params);
  const checks = queries.useQuery('get', '/api/machines/{machine}/checks', params);
  const hooks = queries.useQuery('get', '/api/machines/{machine}/hooks', params);
  const { set } = words.machine;
  const who = useWho().data!;
  return (
    <>
      {!may(who, 'protect') && <p>{words.edits.mayNot(words.edits.edit)}</p>}
      <Part title={words.edits.machine.policy}>
        <p>{machine.policy}</p>
        <EditActs isSmall isQuiet acts={[{ label: words.edits.edit, about: words.edits.machine.policy, permission: 'protect', show: (close) => <edit.Policy machine={machine} onClose={close} /> }]} />
      </Part>
      <Part title={set.cards}>
        <EditActs isSmall isQuiet acts={[{ label: words.edits.edit, about: set.cards, permission: 'protect', show: (close) => <edit.Cards machine={machine} onClose={close} /> }]} />
        <Asking of={cards}>
          {(found) => (
            <>
              {found.notes.map((each) => <p key={each}>{each}</p>)}
              <Rows name={set.cards} rows={found.cards} idOf={(row) => row.mac} columns={[
                { title: set.card, cell: (row) => <>{row.key} <span className="small">{row.mac}</span></> },
                { title: set.home, cell: (row) => row.source_network ?? words.none },
                { title: set.there, cell: (row) => (row.connected ? row.becomes ?? words.none : set.off) },
                { title: set.address, cell: (row) => row.pool_address ?? row.address ?? (row.from_pool ? set.pool : set.own) },
                { title: set.drill, cell: (row) => (row.test_connected ? row.test_network ?? set.drillOwn : set.off) },
                { title: set.names, cell: (row) => row.names.join(', ') || words.none },
              ]} />
            </>
          )}
        </Asking>
      </Part>
      <Part title={set.size}>
        <EditActs isSmall isQuiet acts={[{ label: words.edits.edit, about: set.size, permission: 'protect', show: (close) => <edit.Properties machine={machine} onClose={close} /> }]} />
        <Asking of={size}>
          {(found) => <Facts of={[
            [set.vcpus, found.vcpus ? set.instead(String(found.vcpus), String(found.own_vcpus)) : String(found.own_vcpus)],
            [set.memory, found.memory_bytes ? set.instead(bytes(found.memory_bytes), bytes(found.own_memory_bytes)) : bytes(found.own_memory_bytes)],
            [set.cpu, found.cpu_model],
            [set.name, found.target_name],
            [set.delay, found.start_delay_seconds && span(found.start_delay_seconds)],
            [set.apart, found.apart],
            [set.together, found.together],
          ]} />}
        </Asking>
      </Part>
      <Part title={set.checks}>
        <EditActs isSmall isQuiet acts={[{ label: words.edits.edit, about: set.checks, permission: 'protect', show: (close) => <edit.Checks machine={machine} onClose={close} /> }]} />
        <Asking of={checks}>
          {(found) => <Rows name={set.checks} rows={found.checks} idOf={(row) => row.name} none={set.noChecks} columns={[
            { title: set.check, cell: (row) => row.name },
            { title: set.kind, cell: (row) => plain(row.kind) },
            { title: set.what, cell: (row) => [row.address, row.port && `:${row.port}`, row.kind === 'http' && row.path, row.text].filter(Boolean).join(' ') || words.none },
            { title: set.deadline, cell: (row) => span(row.deadline_seconds) },
          ]} />}
        </Asking>
      </Part>
      <Part title={set.hooks}>
        <EditActs isSmall isQuiet acts={[{ label: words.edits.edit, about: set.hooks, permission: 'protect', show: (close) => <edit.Hooks machine={machine} onClose={close} /> }]} />
        <Asking of={hooks}>
          {(found) => <Rows name={set.hooks} rows={found.hooks} idOf={(row) => row.name} none={set.noHooks} columns={[
            { title: set.hook, cell: (row) => row.name },
            { title: set.script, cell: (row) => row.script },
            { title: set.moment, cell: (row) => plain(row.moment) },
            { title: set.kinds, cell: (row) => row.kinds.map(plain).join(', ') },
            { title: set.timeout, cell: (row) => span(row.timeout_seconds) },
          ]} />}
        </Asking>
      </Part>
    </>
  );
}
