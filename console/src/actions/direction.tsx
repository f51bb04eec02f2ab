// Which way machines go that would go different ways: away from their home site, or home.
import { words } from '../words';
import { Choice } from './fields';

export type Direction = '' | 'away' | 'home';

export function DirectionChoice({ value, onChange }: { value: Direction; onChange: (to: Direction) => void }) {
  const { plan: say } = words.actions;
  return <Choice title={say.direction} value={value} onChange={(to) => onChange(to as Direction)} options={[['', say.any], ['away', say.away], ['home', say.home]]} />;
}
