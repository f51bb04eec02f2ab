// A provider of OpenID Connect: by way of which people log in, and what its groups may do. The order of the groups counts.
import { api, type Shapes } from '../../api';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { Edit, type EditProps } from '../edit';
import { seen, useEdition } from '../edition';
import { Fields, isSound, like, linesOf, named, needed, orNone, some, type Field } from '../form';
import { Items, itemLines, itemsSound, type ItemsForm } from '../items';
import { readList } from '../reading';
import { RemoveEdition } from '../remove';
import { grantOf, rolesOf, useRoleFields, type Roles } from './roles';

type Provider = Shapes['Provider'];
type Main = Record<'name' | 'issuer' | 'client' | 'secret' | 'scopes' | 'groupsClaim' | 'nameClaim' | 'ca', string>;
type Group = Roles & { group: string };
type Draft = { main: Main; groups: readonly Group[] };
type Of = { name: string; onClose: () => void };
const [MOST_TEXT, MOST_GROUP, MOST_SECRET, MOST_PEM, MOST_GROUPS, MOST_SCOPES] = [200, 256, 1000, 20_000, 100, 20];
const ISSUER = /^https:\/\/[^\s?#]{1,1990}$/;

const draftOf = (of: Provider | undefined): Draft => ({
  main: {
    name: of?.name ?? '', issuer: of?.issuer ?? '', client: of?.client_id ?? '', secret: '', scopes: (of?.scopes ?? ['openid', 'profile', 'groups']).join('\n'),
    groupsClaim: of?.groups_claim ?? 'groups', nameClaim: of?.name_claim ?? 'preferred_username', ca: of?.ca_pem ?? '',
  },
  groups: (of?.groups ?? []).map((each) => ({ group: each.group, ...rolesOf(each.roles, each.site) })),
});

const bodyOf = ({ main, groups }: Draft) => ({
  issuer: main.issuer.trim(), client_id: main.client.trim(), scopes: readList(main.scopes), groups_claim: main.groupsClaim.trim(), name_claim: main.nameClaim.trim(), ca_pem: main.ca.trim() || null,
  groups: groups.map((each) => ({ group: each.group, ...grantOf(each) })),
});

/** A secret is not shown to whom it was not given for. */
function wrongSecret(text: string, { client, ca }: Main, former: Provider | undefined): string | false {
  const { provider } = words.edits;
  const isOther = former && (client.trim() !== former.client_id || (ca.trim() || null) !== (former.ca_pem?.trim() || null));
  if (former && !text) return !!isOther && provider.secretAgain;
  return needed(MOST_SECRET)(text);
}

function fieldsOf(former: Provider | undefined): readonly Field<Main>[] {
  const { edits: { provider, plan, wrong }, providers } = words;
  const scopes = (text: string) => some(text) || (!readList(text).includes('openid') && provider.needOpenid) || (readList(text).length > MOST_SCOPES && wrong.many(MOST_SCOPES));
  return [
    { name: 'name', title: provider.name, help: plan.nameHelp, wrong: named, isFor: () => !former },
    { name: 'issuer', title: providers.issuer, help: provider.issuerHelp, wrong: like(ISSUER, provider.issuerWrong), isFor: () => !former },
    { name: 'client', title: providers.client, help: provider.clientHelp, wrong: needed(MOST_TEXT) },
    { name: 'secret', title: provider.secret, kind: 'secret', help: former ? provider.secretKept : provider.secretHelp, wrong: (text, draft) => wrongSecret(text, draft, former) },
    { name: 'scopes', title: providers.scopes, kind: 'lines', help: provider.scopesHelp, wrong: scopes },
    { name: 'groupsClaim', title: providers.groupsClaim, help: provider.claimHelp, wrong: needed(MOST_TEXT) },
    { name: 'nameClaim', title: providers.nameClaim, wrong: needed(MOST_TEXT) },
    { name: 'ca', title: words.edits.target.ca, kind: 'lines', help: words.edits.target.caHelp, wrong: orNone(needed(MOST_PEM)) },
  ];
}

function useGroupsForm(): ItemsForm<Group> {
  const { provider } = words.edits;
  return {
    fields: [{ name: 'group', title: words.providers.group, help: provider.groupHelp, wrong: needed(MOST_GROUP) }, ...useRoleFields<Group>()],
    nameOf: (_, at) => provider.group(at + 1), add: provider.addGroup, fresh: () => ({ group: '', ...rolesOf() }), most: MOST_GROUPS, isOrdered: true,
  };
}

function Form({ former, ...props }: { former?: Provider } & Pick<EditProps<Provider, Draft>, 'title' | 'act' | 'verb' | 'steps' | 'send' | 'onClose'> & Pick<Partial<EditProps<Provider, Draft>>, 'found' | 'again'>) {
  const [fields, form] = [fieldsOf(former), useGroupsForm()];
  return (
    <Edit<Provider, Draft>
      {...props} draftOf={draftOf} lines={({ main, groups }) => [...linesOf(fields, main), ...itemLines(form, groups)]}
      isSound={({ main, groups }) => isSound(fields, main) && itemsSound(form, groups)}
    >
      {(draft, change, tried) => (
        <>
          <Fields fields={fields} draft={draft.main} onChange={(main) => change({ ...draft, main })} tried={tried} />
          <Items form={form} items={draft.groups} onChange={(groups) => change({ ...draft, groups })} tried={tried} />
        </>
      )}
    </Edit>
  );
}

const source = (name: string) => ({ path: '/api/log-in/providers/{provider}', of: name, read: () => api.GET('/api/log-in/providers/{provider}', { params: { path: { provider: name } } }) });

export function NewProvider({ onClose }: { onClose: () => void }) {
  const { provider, create } = words.edits;
  const send = (draft: Draft, _: string, key: string) => api.POST('/api/log-in/providers', { body: { name: draft.main.name, secret: draft.main.secret, ...bodyOf(draft) }, params: { header: { 'idempotency-key': key } } });
  return <Form title={provider.create} act={create} verb="create_provider" steps={provider.creates} send={send} onClose={onClose} />;
}

export function EditProvider({ name, onClose }: Of) {
  const { path, of, read } = source(name);
  const found = useEdition(path, of, read);
  const { provider, save, title } = words.edits;
  const send = (draft: Draft, tag: string) => api.PUT('/api/log-in/providers/{provider}', { params: { path: { provider: name }, ...seen(tag) }, body: { ...bodyOf(draft), secret: draft.main.secret || null } });
  return (
    <Asking of={found}>
      {(edition) => <Form former={edition.value} found={edition} again={found.refetch} title={title(name)} act={save} verb="change_provider" steps={provider.changes} send={send} onClose={onClose} />}
    </Asking>
  );
}

export function RemoveProvider({ name, onClose }: Of) {
  const { provider } = words.edits;
  const send = (tag: string) => api.DELETE('/api/log-in/providers/{provider}', { params: { path: { provider: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_provider" steps={provider.deletes} loses={provider.deleteLoses} confirm={name} send={send} onClose={onClose} />;
}
