// Replication policies.
import { usePolicies } from '../api/lists';
import { NamedActs, NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Rows } from '../parts/facts';
import { PageFrame, To } from '../parts/frame';
import { Asking } from '../parts/state';
import { words } from '../words';
import { span } from '../words/format';

const spanOr = (seconds: number, none: string) => (seconds ? span(seconds) : none);

export default function Policies() {
  const found = usePolicies();
  const { policies } = words;
  return (
    <PageFrame title={words.pages.policies} aside={<NewAct label={words.edits.policy.create} permission="configure" show={edit.NewPolicy} />}>
      <Asking of={found}>
        {({ items }) => <Rows name={words.pages.policies} rows={items} idOf={(row) => row.name} columns={[
          { title: policies.name, cell: (row) => <>{row.name}{row.read_only && <div className="small">{policies.twin}</div>}</> },
          { title: policies.used, cell: (row) => (row.used_by ? <To path={`/machines?policy=${encodeURIComponent(row.name)}`}>{row.used_by}</To> : 0) },
          { title: policies.rpo, cell: (row) => span(row.rpo_threshold_seconds) },
          { title: policies.retention, cell: (row) => spanOr(row.retention_seconds, policies.newest) },
          { title: policies.crash, cell: (row) => span(row.crash_consistent_every_seconds) },
          { title: policies.app, cell: (row) => spanOr(row.app_consistent_every_seconds, policies.never) },
          { title: policies.journal, cell: (row) => spanOr(row.journal_seconds, policies.never) },
          { title: policies.rto, cell: (row) => spanOr(row.rto_goal_seconds, words.none) },
          { title: policies.encrypt, cell: (row) => (row.encrypt ? words.yes : words.no) },
          { title: words.edits.acts, cell: (row) => !row.read_only && <NamedActs name={row.name} permission="configure" edit={edit.EditPolicy} remove={edit.RemovePolicy} /> },
        ]} />}
      </Asking>
    </PageFrame>
  );
}
