import { useState } from 'react';
import { queries } from '../api';
import { readList } from '../edits/reading';
import { words } from '../words';
import { Way, useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Choice, Text } from './fields';
import type { ActProps } from './machine-acts';
import { PointChoice, asOptions, chosen, lacking } from './point';
import { start } from './start';

/** In which networks a drill may be at a site. */
export function useDrillNetworks(site: string | null | undefined): (readonly [string, string])[] {
  const { data } = queries.useQuery('get', '/api/networks');
  const { network } = words.actions;
  const isolated = data?.find((each) => each.site === site)?.networks.filter((each) => each.isolated) ?? [];
  return [['create', network.create], ['create-each', network['create-each']], ['none', network.none], ...isolated.map((each) => [each.name, network.existing(each.name)] as const)];
}

/** How a drill is connected, and how its job ends. */
export function useDrill() {
  const [network, setNetwork] = useState('create');
  const [subnet, setSubnet] = useState('');
  const [dns, setDns] = useState('');
  const [ends, setEnds] = useState<Ends>('runs');
  const isMade = network === 'create';
  const options = { network, subnet: (isMade && subnet.trim()) || null, dns_servers: isMade || network === 'create-each' ? readList(dns) : [], clean_up: ends === 'clean_up', stay_open: ends === 'stay_open' };
  return { options, network, setNetwork, subnet, setSubnet, dns, setDns, ends, setEnds };
}

type Ends = 'runs' | 'stay_open' | 'clean_up';

export function DrillFields({ site, value: of }: { site: string | null | undefined; value: ReturnType<typeof useDrill> }) {
  const networks = useDrillNetworks(site);
  const { network: say, ends } = words.actions;
  return (
    <>
      <Choice title={say.title} value={of.network} onChange={of.setNetwork} options={networks} />
      {of.network === 'create' && <Text title={say.subnet} help={say.subnetHelp} value={of.subnet} onChange={of.setSubnet} />}
      {(of.network === 'create-each' || (of.network === 'create' && of.subnet.trim())) && <Text title={say.dns} help={say.dnsHelp} value={of.dns} onChange={of.setDns} />}
      <Choice title={ends.title} value={of.ends} onChange={(to) => of.setEnds(to as Ends)} options={[['runs', ends.runs], ['stay_open', ends.stay_open], ['clean_up', ends.clean_up]]} />
    </>
  );
}

export default function Drill({ machine, onClose }: ActProps) {
  const [point, setPoint] = useState(chosen('latest_processed'));
  const drill = useDrill();
  const { actions } = words;
  const options = { ...asOptions(point), ...drill.options };
  return (
    <Dialog
      title={actions.title(actions.verbs.test_failover, machine.name)} act={actions.verbs.test_failover} verb="test_failover" onClose={onClose}
      steps={actions.steps.test_failover(machine.source_site, machine.target_site ?? words.none)} isSound={!lacking(point)}
      {...useMeanwhile(machine, 'test_failover')} request={JSON.stringify(options)} send={(key, read) => start('test_failover', { machines: [machine.id] }, options, key, read)}
    >
      {(tried) => (
        <>
          <Way machine={machine} verb="test_failover" />
          <PointChoice machine={machine} verb="test_failover" value={point} onChange={setPoint} tried={tried} />
          <DrillFields site={machine.target_site} value={drill} />
        </>
      )}
    </Dialog>
  );
}
