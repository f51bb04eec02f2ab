// Replication groups: machines whose points are taken at common instants.
import { useGroups } from '../api/lists';
import { NamedActs, NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Rows } from '../parts/facts';
import { PageFrame } from '../parts/frame';
import { Asking } from '../parts/state';
import { words } from '../words';
import { ago, span } from '../words/format';

export default function Groups() {
  const found = useGroups();
  const { groups } = words;
  return (
    <PageFrame title={words.pages.groups} aside={<NewAct label={words.edits.group.create} permission="protect" show={edit.NewGroup} />}>
      <Asking of={found}>
        {({ items }) => <Rows name={words.pages.groups} rows={items} idOf={(row) => row.name} none={groups.none} columns={[
          { title: groups.name, cell: (row) => row.name },
          { title: groups.way, cell: (row) => words.machines.from(row.source_site, row.target_site) },
          { title: groups.every, cell: (row) => span(row.multi_vm_every_seconds) },
          { title: groups.app, cell: (row) => (row.app_consistent ? words.yes : words.no) },
          { title: groups.newest, cell: (row) => (row.newest_set_at ? ago(row.newest_set_at) : words.none) },
          { title: groups.machines, cell: (row) => row.machines.join(', ') || words.none },
          { title: words.edits.acts, cell: (row) => <NamedActs name={row.name} permission="protect" edit={edit.EditGroup} remove={edit.RemoveGroup} /> },
        ]} />}
      </Asking>
    </PageFrame>
  );
}
