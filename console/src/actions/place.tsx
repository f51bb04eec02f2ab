// Where a machine's replica is made when it is protected from where it runs now: with which appliance, in which store.
import { queries } from '../api';
import { words } from '../words';
import type { Machine } from './dialog';
import { Choice } from './fields';

export type Place = { location: 'original' | 'alternate'; appliance: string; store: string };
export const NO_PLACE: Place = { location: 'original', appliance: '', store: '' };

/** As the body of a verb has it. */
export const asPlace = ({ location, appliance, store }: Place) => ({ location, target_appliance: appliance || null, store: store || null });

/** Appliances of all sites but the one where it runs; those of the site that it came from first. */
function useThere(machine: Machine) {
  const found = (queries.useQuery('get', '/api/appliances').data ?? []).filter((each) => each.site !== machine.active_site);
  return found.sort((one, other) => Number(other.site === machine.source_site) - Number(one.site === machine.source_site));
}

export function useSiteOf({ appliance }: Place, machine: Machine): string {
  return useThere(machine).find((each) => each.id === appliance)?.site ?? machine.source_site;
}

export function PlaceFields({ machine, value, onChange }: { machine: Machine; value: Place; onChange: (to: Place) => void }) {
  const appliances = useThere(machine);
  const { enable, reprotect } = words.actions;
  const own = appliances.filter((each) => (value.appliance ? each.id === value.appliance : each.name === machine.source_appliance));
  const stores = [...new Set(own.flatMap((each) => each.stores.map((one) => one.name)))];
  return (
    <>
      <Choice title={enable.appliance} value={value.appliance} onChange={(appliance) => onChange({ ...value, appliance, store: '' })} options={[['', reprotect.any], ...appliances.map((each) => [each.id, reprotect.at(each.name, each.site)] as const)]} />
      <Choice title={enable.store} value={value.store} onChange={(store) => onChange({ ...value, store })} options={[['', reprotect.anyStore], ...stores.map((each) => [each, each] as const)]} />
    </>
  );
}
