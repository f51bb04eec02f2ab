// Networks of each site, what they are mapped to, and pools of addresses.
import { Alert } from '@patternfly/react-core';
import { queries, type Shapes } from '../api';
import { usePools } from '../api/lists';
import { EditActs } from '../edits/edit-acts';
import { NamedActs, NewAct } from '../edits/named-acts';
import * as edit from '../edits/nouns';
import { Part, Rows } from '../parts/facts';
import { PageFrame, To, machinePath } from '../parts/frame';
import { Asking, Empty } from '../parts/state';
import { words } from '../words';
import { instant } from '../words/format';

export default function Networks() {
  const found = queries.useQuery('get', '/api/networks');
  return (
    <PageFrame title={words.pages.networks}>
      <div className="parts">
        <Asking of={found}>{(sites) => (sites.length ? sites.map((each) => <Site key={each.site} of={each} />) : <Empty />)}</Asking>
        <Part title={words.networks.pools}>
          <NewAct label={words.edits.pool.create} permission="configure" show={edit.NewPool} />
          <Pools />
        </Part>
      </div>
    </PageFrame>
  );
}

function Site({ of: site }: { of: Shapes['SiteNetworks'] }) {
  const { networks } = words;
  const mapped = (name: string) => site.mappings.filter((each) => each.source_network === name).map((each) => networks.to(each.target_network, each.target_site)).join(', ');
  return (
    <Part title={networks.at(site.site)}>
      {site.problem && <Alert isInline variant="warning" title={site.problem.message} component="h3">{site.problem.do} {site.seen_at && networks.seen(instant(site.seen_at))}</Alert>}
      <Rows name={networks.at(site.site)} rows={site.networks} idOf={(row) => row.name} columns={[
        { title: networks.name, cell: (row) => <>{row.name}{row.problem && <div className="small">{row.problem}</div>}</> },
        { title: networks.mapped, cell: (row) => mapped(row.name) || words.none },
        { title: words.edits.acts, cell: (row) => <EditActs isSmall isQuiet acts={[{ label: words.edits.mapping.act, about: row.name, permission: 'configure', show: (close) => <edit.EditMapping site={site.site} network={row.name} onClose={close} /> }]} /> },
        { title: networks.kind, cell: (row) => [row.kind, row.isolated && networks.isolated, !row.active && networks.inactive].filter(Boolean).join(', ') },
        { title: networks.subnets, cell: (row) => row.subnets.join(', ') || words.none },
        { title: networks.leads, cell: (row) => row.leads_to.join(', ') || words.none },
      ]} />
    </Part>
  );
}

function Pools() {
  const found = usePools();
  const { pools } = words.networks.columns;
  return (
    <Asking of={found}>
      {({ items }) => <Rows name={words.networks.pools} rows={items} idOf={(row) => row.name} none={words.networks.noPools} columns={[
        { title: pools.name, cell: (row) => row.name },
        { title: pools.network, cell: (row) => `${row.site}: ${row.network}${row.vlan == null ? '' : ` (VLAN ${row.vlan})`}` },
        { title: pools.ranges, cell: (row) => `${row.subnet}: ${row.ranges.join(', ')}` },
        { title: pools.taken, cell: (row) => pools.of(row.taken.length, row.size) },
        { title: pools.machines, cell: (row) => (row.taken.length ? <ul>{row.taken.map((each) => <li key={each.address}>{each.address} {each.protected ? <To path={machinePath(each.machine)}>{each.machine_name}</To> : <>{each.machine_name} <Free pool={row.name} address={each.address} /></>}</li>)}</ul> : words.none) },
        { title: words.edits.acts, cell: (row) => <NamedActs name={row.name} permission="configure" edit={edit.EditPool} remove={edit.RemovePool} /> },
      ]} />}
    </Asking>
  );
}

function Free({ pool, address }: { pool: string; address: string }) {
  return <EditActs isSmall isQuiet acts={[{ label: words.edits.pool.free, about: address, permission: 'configure', show: (close) => <edit.FreeAddress name={pool} address={address} onClose={close} /> }]} />;
}
