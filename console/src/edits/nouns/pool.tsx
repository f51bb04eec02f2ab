// A pool of addresses: a new one, or one that is there; and an address that is free again.
import { api, type Shapes } from '../../api';
import { useSites } from '../../api/lists';
import { words } from '../../words';
import { seen } from '../edition';
import { New, Present } from '../editor';
import { like, named, needed, orNone, plainOptions, some, within, type Field } from '../form';
import { readList } from '../reading';
import { Remove, RemoveEdition } from '../remove';

type Pool = Shapes['AddressPool'];
type Draft = Record<'name' | 'site' | 'network' | 'vlan' | 'subnet' | 'ranges' | 'gateway' | 'dns', string>;
type Of = { name: string; onClose: () => void };
const PLAIN = /^\d{1,3}(\.\d{1,3}){3}$/;

const draftOf = (of: Pool | undefined): Draft => ({
  name: of?.name ?? '', site: of?.site ?? '', network: of?.network ?? '', vlan: of?.vlan?.toString() ?? '', subnet: of?.subnet ?? '', ranges: of?.ranges.join('\n') ?? '', gateway: of?.gateway ?? '', dns: of?.dns_servers.join('\n') ?? '',
});

const bodyOf = ({ site, network, vlan, subnet, ranges, gateway, dns }: Draft): Shapes['AddressPoolChange'] => ({
  site, network: network.trim(), vlan: vlan ? Number(vlan) : null, subnet: subnet.trim(), ranges: readList(ranges), gateway: gateway.trim() || null, dns_servers: readList(dns),
});

function useFields(isNew: boolean): readonly Field<Draft>[] {
  const sites = (useSites().data?.items ?? []).map((each) => each.name);
  const { edits: { pool, plan, wrong, card }, networks: { columns: { pools } } } = words;
  return [
    { name: 'name', title: pools.name, help: plan.nameHelp, wrong: named, isFor: () => isNew },
    { name: 'site', title: pool.site, options: (draft) => [['', words.none], ...plainOptions([...new Set([...sites, draft.site].filter(Boolean))])], wrong: (text) => !text && wrong.needed },
    { name: 'network', title: pools.network, wrong: needed(255) },
    { name: 'vlan', title: pool.vlan, help: pool.vlanHelp, wrong: orNone(within(1, 4094)) },
    { name: 'subnet', title: pool.subnet, help: pool.subnetHelp, wrong: like(/^\s*\d{1,3}(\.\d{1,3}){3}\/\d{1,2}\s*$/, pool.subnetHelp) },
    { name: 'ranges', title: pools.ranges, kind: 'lines', help: pool.rangesHelp, wrong: (text) => (readList(text).length > 20 ? wrong.many(20) : some(text)) },
    { name: 'gateway', title: card.gateway, wrong: orNone(like(PLAIN, wrong.address)) },
    { name: 'dns', title: card.dns, kind: 'lines', help: card.dnsHelp, wrong: (text) => (readList(text).length > 3 || readList(text).some((each) => !PLAIN.test(each))) && wrong.addresses(3) },
  ];
}

const source = (name: string) => ({ path: '/api/pools/{pool}', of: name, read: () => api.GET('/api/pools/{pool}', { params: { path: { pool: name } } }) });

export function NewPool({ onClose }: { onClose: () => void }) {
  const send = (draft: Draft, key: string) => api.POST('/api/pools', { body: { name: draft.name, ...bodyOf(draft) }, params: { header: { 'idempotency-key': key } } });
  return <New<Pool, Draft> title={words.edits.pool.create} verb="create_pool" fields={useFields(true)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function EditPool({ name, onClose }: Of) {
  const send = (draft: Draft, tag: string) => api.PUT('/api/pools/{pool}', { params: { path: { pool: name }, ...seen(tag) }, body: bodyOf(draft) });
  return <Present<Pool, Draft> {...source(name)} title={words.edits.title(name)} verb="update_pool" steps={words.edits.pool.steps} fields={useFields(false)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function RemovePool({ name, onClose }: Of) {
  const send = (tag: string) => api.DELETE('/api/pools/{pool}', { params: { path: { pool: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_pool" steps={words.edits.pool.deletes} send={send} onClose={onClose} />;
}

export function FreeAddress({ name, address, onClose }: Of & { address: string }) {
  const send = () => api.DELETE('/api/pools/{pool}/addresses/{address}', { params: { path: { pool: name, address } } });
  return <Remove what={address} act={words.edits.pool.free} verb="release_address" steps={words.edits.pool.frees} send={send} onClose={onClose} />;
}
