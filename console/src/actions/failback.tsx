// Home again in one job, for a machine that was committed and is not protected back yet: how its data is synchronized.
import { useRef, useState } from 'react';
import { WHILE_SHOWN, queries } from '../api';
import { words } from '../words';
import { readSpan } from '../edits/reading';
import { Obstacles, Silent, useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Choice, Text } from './fields';
import type { ActProps } from './machine-acts';
import { NO_PLACE, PlaceFields, asPlace, useSiteOf, type Place } from './place';
import { start } from './start';

type Sync = 'before' | 'during';
type Point = 'latest' | 'latest_app_consistent';
const MOST_DOWN = 86_400;

export default function FailBack({ machine, onClose }: ActProps) {
  const [place, setPlace] = useState(NO_PLACE);
  const there = useSiteOf(place, machine);
  const [chosen, setSync] = useState<Sync>();
  const [down, setDown] = useState('');
  const [choice, setChoice] = useState<Point>('latest');
  const { actions } = words;
  const { failback, reprotect } = actions;
  const first = useRef<Sync | null>(null); // what was recommended first stands; it may be another one later, which is told
  const isAnew = (chosen ?? first.current) === 'during' || place.location === 'alternate';
  const location = isAnew ? 'alternate' as const : 'original' as const;
  const query = { location, ...(place.appliance && { target_appliance: place.appliance }) };
  const { data, error } = queries.useQuery('get', '/api/machines/{machine}/reprotect-preview', { params: { path: { machine: machine.id }, query } }, WHILE_SHOWN);
  first.current ??= data?.data_sync ?? null;
  const sync = chosen ?? first.current;
  const seconds = readSpan(down);
  const wrong = down.trim() !== '' && !(seconds && seconds <= MOST_DOWN) && words.edits.wrong.span(1, MOST_DOWN);
  const options = { ...asPlace({ ...place, location: sync === 'during' ? 'alternate' : place.location }), data_sync: sync, choice: sync === 'before' ? choice : 'latest' as const, at_most_down_seconds: sync === 'before' && down.trim() ? seconds! : null };
  return (
    <Dialog
      title={actions.title(failback.act, machine.name)} act={failback.act} verb="planned_failover" onClose={onClose} steps={sync ? (sync === 'before' && isAnew ? failback.anew : failback[sync])(machine.active_site, there) : []}
      loses={options.choice !== 'latest' && failback.lost(machine.active_site)} confirm={machine.name} isSound={!wrong && !!sync} {...useMeanwhile(machine, 'reprotect')}
      request={JSON.stringify(options)} send={(key, read) => start('planned_failover', { machines: [machine.id] }, options, key, read)}
    >
      {(tried) => (
        <>
          <Choice title={failback.sync} value={sync ?? ''} onChange={(to) => setSync(to as Sync)} wrong={tried && !sync && failback.need} options={[...(sync ? [] : [['', words.none] as const]), ['before', failback.isBefore], ['during', failback.isDuring]]} />
          {data?.data_sync && <p role="status">{failback.recommended(data.data_sync === 'before' ? failback.isBefore : failback.isDuring, data.data_sync_because ?? '')}</p>}
          {sync === 'before' && <Text title={failback.down} value={down} onChange={setDown} help={failback.downHelp} wrong={tried && wrong} />}
          {sync === 'before' && <Choice title={actions.point.title} value={choice} onChange={(to) => setChoice(to as Point)} options={[['latest', failback.latest], ['latest_app_consistent', actions.point.kinds.latest_app_consistent]]} />}
          {sync === 'before' && <Choice title={reprotect.location} value={place.location} onChange={(to) => setPlace({ ...place, location: to as Place['location'] })} options={[['original', reprotect.original], ['alternate', reprotect.alternate]]} />}
          <PlaceFields machine={machine} value={place} onChange={setPlace} />
          {error && !data ? <Silent of={error} /> : <Obstacles of={data?.obstacles} />}
        </>
      )}
    </Dialog>
  );
}
