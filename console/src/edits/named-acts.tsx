// The buttons beside a named thing in a list, and the one that makes a new one.
import type { ComponentType } from 'react';
import type { Permission } from '../api/session';
import { words } from '../words';
import { EditActs, type EditAct } from './edit-acts';

type Shown = ComponentType<{ name: string; onClose: () => void }>;

export function NewAct({ label, permission, show: New }: { label: string; permission: Permission; show: ComponentType<{ onClose: () => void }> }) {
  return <EditActs acts={[{ label, permission, show: (close) => <New onClose={close} /> }]} />;
}

export function NamedActs({ name, permission, edit: Edit, remove: Delete, others = [] }: { name: string; permission: Permission; edit?: Shown; remove?: Shown; others?: readonly EditAct[] }) {
  return (
    <EditActs isSmall isQuiet acts={[
      ...(Edit ? [{ label: words.edits.edit, about: name, permission, show: (close: () => void) => <Edit name={name} onClose={close} /> }] : []),
      ...others,
      ...(Delete ? [{ label: words.edits.remove.act, about: name, permission, isDanger: true, show: (close: () => void) => <Delete name={name} onClose={close} /> }] : []),
    ]} />
  );
}
