// Whom the vault tells of what, and whether messages arrive.
import { Label } from '@patternfly/react-core';
import { useTargets } from '../api/lists';
import type { Shapes } from '../api';
import { NamedActs, NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Rows } from '../parts/facts';
import { PageFrame } from '../parts/frame';
import { Asking } from '../parts/state';
import { words } from '../words';
import { ago, plain } from '../words/format';

export default function Notices() {
  const found = useTargets();
  const { notices } = words;
  return (
    <PageFrame title={words.pages.notices} aside={<NewAct label={words.edits.target.create} permission="configure" show={edit.NewTarget} />}>
      <Asking of={found}>
        {({ items }) => <Rows name={words.pages.notices} rows={items} idOf={(row) => row.name} none={notices.none} columns={[
          { title: notices.name, cell: (row) => row.name },
          { title: notices.to, cell: (row) => row.webhook?.url ?? row.mail?.to.join(', ') ?? words.none },
          { title: notices.what, cell: (row) => <Wanted of={row.wanted} /> },
          { title: notices.quiet, cell: (row) => (row.quiet ? `${row.quiet.begins}–${row.quiet.ends} ${row.quiet.zone}` : words.none) },
          { title: notices.arrives, cell: (row) => <Delivery of={row} /> },
          { title: words.edits.acts, cell: (row) => <NamedActs name={row.name} permission="configure" edit={edit.EditTarget} remove={edit.RemoveTarget} others={[{ label: words.edits.target.test, about: row.name, permission: 'configure', show: (close) => <edit.TestTarget name={row.name} onClose={close} /> }]} /> },
        ]} />}
      </Asking>
    </PageFrame>
  );
}

function Wanted({ of }: { of: Shapes['NoticeFilter'] }) {
  const { notices } = words;
  return <>{[of.findings && notices.findings(of.findings), notices.jobs(plain(of.jobs)), of.approvals && notices.approvals].filter(Boolean).join('; ')}</>;
}

function Delivery({ of: { enabled, delivery } }: { of: Shapes['NoticeTarget'] }) {
  const { notices } = words;
  if (!enabled) return <Label isCompact>{notices.off}</Label>;
  if (delivery.failing_since) return <><Label isCompact status="danger" variant="outline">{notices.failing(ago(delivery.failing_since))}</Label> {delivery.said}</>;
  return <>{delivery.sent_at ? notices.sent(ago(delivery.sent_at)) : notices.nothing}{delivery.waiting > 0 && `, ${notices.waiting(delivery.waiting)}`}</>;
}
