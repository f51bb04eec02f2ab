import { api, queries, type Shapes } from '../../api';
import { words } from '../../words';
import { seen } from '../edition';
import { plainOptions, type Field, type Options } from '../form';
import { PresentItems, type ItemsForm } from '../items';
import { readList } from '../reading';
import type { Of } from '.';

type Draft = {
  mac: string; key: string; home: string; way: string; network: string; testWay: string; testNetwork: string; keepsMac: boolean; addressWay: string; address: string; gateway: string; dns: string; testAddress: string; names: string; ipv6: string; routes: string; testIpv6: string;
};

const draftOf = (of: Shapes['MachineSettings'] | undefined): Draft[] => (of?.cards ?? []).map((card) => ({
  mac: card.mac, key: card.key, home: card.source_network ?? '', way: card.connected ? 'on' : 'off', network: card.network ?? '', testWay: card.test_connected ? 'on' : 'off', testNetwork: card.test_network ?? '',
  keepsMac: card.keep_mac, addressWay: card.from_pool ? 'pool' : card.address ? 'own' : '', address: card.address ?? '', gateway: card.gateway ?? '', dns: card.dns_servers.join('\n'),
  testAddress: card.test_address ?? '', names: card.names.join('\n'), ipv6: card.ipv6 ? JSON.stringify(card.ipv6) : '', routes: JSON.stringify(card.routes), testIpv6: card.test_ipv6_address ?? '',
}));

const bodyOf = (card: Draft): Shapes['CardSettings'] => ({
  mac: card.mac, network: card.network || null, connected: card.way === 'on', test_network: card.testNetwork || null, test_connected: card.testWay === 'on', keep_mac: card.keepsMac,
  address: card.addressWay === 'own' ? card.address.trim() : null, gateway: card.addressWay === 'own' ? card.gateway.trim() || null : null, dns_servers: card.addressWay === 'own' ? readList(card.dns) : [],
  from_pool: card.addressWay === 'pool', test_address: card.testAddress.trim() || null, names: readList(card.names),
  // these are set by the command line, and stay as they are
  ipv6: card.ipv6 && card.addressWay !== '' ? JSON.parse(card.ipv6) as Shapes['CardSettings']['ipv6'] : null,
  routes: card.routes && card.addressWay === 'own' ? JSON.parse(card.routes) as Shapes['CardSettings']['routes'] : [],
  test_ipv6_address: (card.addressWay !== '' || card.testAddress.trim() !== '') && card.testIpv6 ? card.testIpv6 : null,
});

const part = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const PLAIN = new RegExp(`^${part}(\\.${part}){3}$`);
const WITH_PREFIX = new RegExp(`^${part}(\\.${part}){3}/(3[0-2]|[12]?\\d)$`);
const each = (pattern: RegExp, most: number, says: string) => (text: string) => (readList(text).some((one) => !pattern.test(one)) || readList(text).length > most) && says;

function formOf(networks: Options): ItemsForm<Draft> {
  const { edits: { card, wrong }, machine: { set } } = words;
  const onOff: Options = [['on', card.connected], ['off', set.off]];
  const known = (present: string) => (present && !networks.some(([one]) => one === present) ? [...networks, ...plainOptions([present])] : networks);
  const isOwn = (draft: Draft) => draft.addressWay === 'own';
  const trimmed = (pattern: RegExp, says: string) => (text: string) => !pattern.test(text.trim()) && says;
  const fields: readonly Field<Draft>[] = [
    { name: 'way', title: card.away, options: onOff },
    { name: 'network', title: set.there, options: (draft) => [['', card.mapped], ...known(draft.network)], isFor: (draft) => draft.way === 'on' },
    { name: 'addressWay', title: set.address, options: [['', set.own], ['pool', set.pool], ['own', card.this]] },
    { name: 'address', title: card.address, help: card.addressHelp, wrong: trimmed(WITH_PREFIX, wrong.prefix), isFor: isOwn },
    { name: 'gateway', title: card.gateway, wrong: (text) => text.trim() !== '' && trimmed(PLAIN, wrong.address)(text), isFor: isOwn },
    { name: 'dns', title: card.dns, kind: 'lines', help: card.dnsHelp, wrong: each(PLAIN, 3, wrong.addresses(3)), isFor: isOwn },
    { name: 'testWay', title: set.drill, options: onOff },
    { name: 'testNetwork', title: card.drillNetwork, options: (draft) => [['', set.drillOwn], ...known(draft.testNetwork)], isFor: (draft) => draft.testWay === 'on' },
    { name: 'testAddress', title: card.drillAddress, help: card.drillAddressHelp, wrong: (text) => text.trim() !== '' && trimmed(WITH_PREFIX, wrong.prefix)(text) },
    { name: 'names', title: set.names, kind: 'lines', help: card.namesHelp, wrong: (text) => readList(text).length > 20 && wrong.many(20) },
    { name: 'keepsMac', title: card.keepsMac },
  ];
  return { fields, nameOf: (item) => card.title(item.key, item.home || words.none) };
}

export default function Cards({ machine: { id, name, target_site: site }, onClose }: Of) {
  const { machine, title } = words.edits;
  const of = { path: { machine: id } };
  const there = queries.useQuery('get', '/api/networks').data?.find((each) => each.site === site)?.networks ?? [];
  return (
    <PresentItems<Shapes['MachineSettings'], Draft>
      title={title(`${words.machine.set.cards}: ${name}`)} verb="change_machine_settings" steps={machine.nextFailover} onClose={onClose}
      path="/api/machines/{machine}/settings" of={id} read={() => api.GET('/api/machines/{machine}/settings', { params: of })} draftOf={draftOf} form={formOf(plainOptions(there.map((each) => each.name)))}
      send={(cards, tag) => api.PUT('/api/machines/{machine}/settings', { params: { ...of, ...seen(tag) }, body: { cards: cards.map(bodyOf) } })}
    />
  );
}
