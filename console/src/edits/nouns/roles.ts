// Roles, and the site that they are limited to: of people, tokens and groups of a provider.
import type { Shapes } from '../../api';
import { useSites } from '../../api/lists';
import { words } from '../../words';
import { plain } from '../../words/format';
import { plainOptions, type Field } from '../form';

type Role = Shapes['Role'];
export const ROLES: readonly Role[] = ['reader', 'tester', 'operator', 'contributor', 'access_administrator'];
export type Roles = Record<Role, boolean> & { site: string };

export const rolesOf = (roles: readonly Role[] = ['reader'], site?: string | null): Roles => ({ ...(Object.fromEntries(ROLES.map((each) => [each, roles.includes(each)])) as Record<Role, boolean>), site: site ?? '' });
export const grantOf = (draft: Roles) => ({ roles: ROLES.filter((each) => draft[each]), site: draft.site || null });

export function useRoleFields<D extends Roles>(): readonly Field<D>[] {
  const sites = (useSites().data?.items ?? []).map((each) => each.name);
  const { access, edits: { who } } = words;
  const fields: readonly Field<Roles>[] = [
    ...ROLES.map((each) => ({ name: each, title: who.role(plain(each)), help: who.roles[each] })),
    { name: 'site', title: access.site, options: (draft) => [['', access.all], ...plainOptions([...new Set([...sites, draft.site].filter(Boolean))])], wrong: (_, draft) => !ROLES.some((each) => draft[each]) && who.needRole },
  ];
  return fields as readonly Field<D>[];
}
