import { useState } from 'react';
import { queries } from '../api';
import { words } from '../words';
import { Way, useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Choice, Tick } from './fields';
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

export default function Drill({ machine, onClose }: ActProps) {
  const [point, setPoint] = useState(chosen('latest_processed'));
  const [network, setNetwork] = useState('create');
  const [cleansUp, setCleansUp] = useState(false);
  const { actions } = words;
  const options = { ...asOptions(point), network, clean_up: cleansUp };
  const networks = useDrillNetworks(machine.target_site);
  return (
    <Dialog
      title={actions.title(actions.verbs.test_failover, machine.name)} act={actions.verbs.test_failover} verb="test_failover" onClose={onClose}
      steps={actions.steps.test_failover(machine.source_site, machine.target_site ?? words.none)} isSound={!lacking(point)}
      {...useMeanwhile(machine, 'test_failover')} request={JSON.stringify(options)} reads={[machine]} send={(key, read) => start('test_failover', { machines: [machine.id] }, options, key, read)}
    >
      {(tried) => (
        <>
          <Way machine={machine} verb="test_failover" />
          <PointChoice machine={machine} verb="test_failover" value={point} onChange={setPoint} tried={tried} />
          <Choice title={actions.network.title} value={network} onChange={setNetwork} options={networks} />
          <Tick title={actions.cleanUp} value={cleansUp} onChange={setCleansUp} />
        </>
      )}
    </Dialog>
  );
}
