// Sites, pairs of sites, and the appliances with their hosts and stores.
import { Label, Progress } from '@patternfly/react-core';
import { queries, type Shapes } from '../api';
import { useSites } from '../api/lists';
import { EditActs } from '../edits/edit-acts';
import { NamedActs, NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Facts, Part, Rows } from '../parts/facts';
import { PageFrame } from '../parts/frame';
import { Asking } from '../parts/state';
import { words } from '../words';
import { ago, bytes, instant } from '../words/format';

export default function Sites() {
  const sites = useSites();
  const pairs = queries.useQuery('get', '/api/site-pairs');
  const appliances = queries.useQuery('get', '/api/appliances');
  const { sites: say } = words;
  const rate = (of: number | null | undefined) => (of == null ? say.unlimited : say.perSecond(bytes(of)));
  return (
    <PageFrame title={words.pages.sites} aside={<NewAct label={words.edits.site.create} permission="configure" show={edit.NewSite} />}>
      <div className="parts">
        <Part title={words.pages.sites}>
          <Asking of={sites}>
            {({ items }) => <Rows name={words.pages.sites} rows={items} idOf={(row) => row.name} none={say.none} columns={[
              { title: say.name, cell: (row) => row.name },
              { title: say.fabric, cell: (row) => row.fabric_kind ?? words.none },
              { title: say.appliances, cell: (row) => row.appliances.length },
              { title: say.bandwidth, cell: (row) => rate(row.bytes_per_second_now) },
              { title: say.windows, cell: (row) => row.bandwidth.windows.map((each) => `${each.days.join(' ')} ${each.begins}–${each.ends}: ${rate(each.bytes_per_second)}`).join('; ') || words.none },
              { title: say.verification, cell: (row) => (row.verification.every_days ? say.everyDays(row.verification.every_days, row.verification.begins, row.verification.ends) : words.machines.never) },
              { title: words.edits.acts, cell: (row) => <SiteActs name={row.name} /> },
            ]} />}
          </Asking>
        </Part>
        <Part title={say.pairs}>
          <Asking of={pairs}>
            {(items) => <Rows name={say.pairs} rows={items} idOf={(row) => row.first + row.second} none={say.noPairs} columns={[
              { title: say.pair, cell: (row) => `${row.first}, ${row.second}` },
              { title: say.reverse, cell: (row) => (row.reverse_after_commit ? words.yes : words.no) },
              { title: say.settle, cell: (row) => Object.entries(row.settle ?? {}).map(([site, place]) => `${site}: ${place.place}`).join('; ') || words.none },
              { title: words.edits.acts, cell: (row) => <EditActs isSmall isQuiet acts={[{ label: words.edits.edit, about: `${row.first}, ${row.second}`, permission: 'configure', show: (close) => <edit.EditPair first={row.first} second={row.second} onClose={close} /> }]} /> },
            ]} />}
          </Asking>
        </Part>
        <Asking of={appliances}>{(items) => items.map((each) => <Appliance key={each.id} of={each} />)}</Asking>
      </div>
    </PageFrame>
  );
}

function Appliance({ of: appliance }: { of: Shapes['Appliance'] }) {
  const { sites: say } = words;
  const { capacity } = appliance;
  const state = appliance.connected ? <Label isCompact status="success" variant="outline">{say.connected}</Label> : <Label isCompact status="danger" variant="outline">{say.away(appliance.last_seen_at ? ago(appliance.last_seen_at) : null)}</Label>;
  return (
    <Part title={say.appliance(appliance.name, appliance.site)}>
      <ApplianceActs appliance={appliance} />
      {appliance.notes.map((each) => <p key={each} className="sentence">{each}</p>)}
      <Facts of={[
        [say.state, state],
        [say.drained, appliance.drained_at && instant(appliance.drained_at)],
        [say.host, appliance.host],
        [say.fabric, appliance.fabric_kind && `${appliance.fabric_kind}${appliance.accelerated === false ? `, ${say.emulated}` : ''}`],
        [say.capacity, capacity && say.hasFree(capacity.vcpus, bytes(capacity.memory_bytes), bytes(capacity.free_bytes))],
        [say.cpu, capacity?.cpu_model],
        [say.data, appliance.data_addresses.join(', ')],
        [say.version, appliance.version],
        [say.certificate, appliance.certificate_expires_at && instant(appliance.certificate_expires_at)],
        [say.reaches, appliance.reaches.join(', ')],
      ]} />
      <Rows name={say.stores} rows={appliance.stores} idOf={(row) => row.name} none={say.noStores} columns={[
        { title: say.store, cell: (row) => row.name },
        { title: say.free, cell: (row) => row.problem ?? <Space of={row} /> },
      ]} />
    </Part>
  );
}

function Space({ of: { name, free_bytes: free, size_bytes: size } }: { of: Shapes['StoreSpace'] }) {
  if (free == null || !size) return <>{words.none}</>;
  return <Progress value={Math.round((100 * (size - free)) / size)} size="sm" title={words.sites.freeOf(bytes(free), bytes(size))} aria-label={name} />;
}

function SiteActs({ name }: { name: string }) {
  const { site } = words.edits;
  return (
    <NamedActs name={name} permission="configure" remove={edit.RemoveSite} others={[
      { label: site.bandwidth, about: name, permission: 'equip', show: (close) => <edit.EditBandwidth name={name} onClose={close} /> },
      { label: site.verification, about: name, permission: 'equip', show: (close) => <edit.EditVerification name={name} onClose={close} /> },
      { label: site.key, about: name, permission: 'equip', show: (close) => <edit.SiteKey name={name} onClose={close} /> },
    ]} />
  );
}

function ApplianceActs({ appliance }: { appliance: Shapes['Appliance'] }) {
  const { site } = words.edits;
  const drain = appliance.drained_at
    ? { label: site.endDrain, about: appliance.name, permission: 'equip' as const, show: (close: () => void) => <edit.EndDrain appliance={appliance} onClose={close} /> }
    : { label: site.drain, about: appliance.name, permission: 'equip' as const, show: (close: () => void) => <edit.Drain appliance={appliance} onClose={close} /> };
  return (
    <EditActs isSmall acts={[
      drain,
      { label: site.replace, about: appliance.name, permission: 'equip', isDanger: true, show: (close) => <edit.ReplacementKey appliance={appliance} onClose={close} /> },
      { label: site.revoke, about: appliance.name, permission: 'equip', isDanger: true, show: (close) => <edit.Revoke appliance={appliance} onClose={close} /> },
    ]} />
  );
}
