// Who may come in: access tokens, people, and what needs a second person. Secrets are shown once.
import { ClipboardCopy } from '@patternfly/react-core';
import { useState } from 'react';
import { api, queries, type Shapes } from '../../api';
import { Dialog } from '../../actions/dialog';
import { Text } from '../../actions/fields';
import { Facts } from '../../parts/facts';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant } from '../../words/format';
import { Edit } from '../edit';
import { seen } from '../edition';
import { New, Present } from '../editor';
import { Fields, isSound, linesOf, needed, orNone, spanWithin, within, type Field } from '../form';
import { readList, readSpan, writeSpan } from '../reading';
import { Remove, RemoveEdition } from '../remove';
import { grantOf, rolesOf, useRoleFields, type Roles } from './roles';

type Close = { onClose: () => void };
const YEARS_SECONDS = 315_360_000;
const LEAST_LASTS = 300;
const MOST_LASTS = 2_592_000;

function Once({ title, text, until }: { title: string; text: string; until?: string | null | undefined }) {
  return (
    <>
      <p>{words.edits.who.once}</p>
      <ClipboardCopy isReadOnly hoverTip={words.edits.copy} clickTip={words.edits.copied} textAriaLabel={title}>{text}</ClipboardCopy>
      <Facts of={[[words.access.ends, until ? instant(until) : words.machines.never]]} />
    </>
  );
}

// Tokens.

type TokenDraft = Roles & { name: string; person: string; valid: string };

export function NewToken({ onClose }: Close) {
  const { who, wrong } = words.edits;
  const [made, setMade] = useState<Shapes['NewToken'] | null>(null);
  const fields: readonly Field<TokenDraft>[] = [
    { name: 'name', title: words.access.name, wrong: needed(80) }, { name: 'person', title: words.access.person, help: who.personHelp, wrong: orNone(needed(80)) },
    { name: 'valid', title: who.valid, help: who.validHelp, wrong: (text) => text.trim() !== '' && (spanWithin(1, YEARS_SECONDS)(text) && wrong.span(1, YEARS_SECONDS)) }, ...useRoleFields<TokenDraft>(),
  ];
  const send = async (draft: TokenDraft, key: string) => {
    const body = { name: draft.name.trim(), person: draft.person.trim() || null, valid_seconds: draft.valid.trim() ? readSpan(draft.valid)! : null, ...grantOf(draft) };
    setMade((await api.POST('/api/tokens', { body, params: { header: { 'idempotency-key': key } } })).data!);
  };
  return (
    <New<never, TokenDraft>
      title={who.newToken} verb="create_token" fields={fields} draftOf={() => ({ ...rolesOf(), name: '', person: '', valid: writeSpan(7_776_000) })} send={send} onClose={onClose}
      result={made && <Once title={who.secret} text={made.token} until={made.expires_at} />}
    />
  );
}

export function RotateToken({ name, onClose }: Close & { name: string }) {
  const { who } = words.edits;
  const [overlap, setOverlap] = useState(writeSpan(0));
  const [made, setMade] = useState<Shapes['NewToken'] | null>(null);
  const wrong = spanWithin(0, 86_400)(overlap);
  const send = async (key: string) => setMade((await api.POST('/api/tokens/{name}/rotate', { params: { path: { name }, header: { 'idempotency-key': key } }, body: { former_valid_seconds: readSpan(overlap)! } })).data!);
  return (
    <Dialog title={words.actions.title(who.rotate, name)} act={who.rotate} verb="rotate_token" steps={who.rotates} isSound={!wrong} request={overlap} send={send} onClose={onClose} result={made && <Once title={who.secret} text={made.token} until={made.expires_at} />}>
      {(tried) => <Text title={who.overlap} value={overlap} onChange={setOverlap} wrong={tried && wrong} />}
    </Dialog>
  );
}

export function RevokeToken({ name, onClose }: Close & { name: string }) {
  const { who } = words.edits;
  return <Remove what={name} act={who.revoke} verb="delete_token" steps={who.revokes} loses={who.revokeLoses} confirm={name} send={() => api.DELETE('/api/tokens/{name}', { params: { path: { name } } })} onClose={onClose} />;
}

// People.

export function NewPerson({ onClose }: Close) {
  const { who } = words.edits;
  const [made, setMade] = useState<Shapes['NewLink'] | null>(null);
  const fields: readonly Field<Roles & { name: string }>[] = [{ name: 'name', title: words.access.name, wrong: needed(80) }, ...useRoleFields<Roles & { name: string }>()];
  const send = async (draft: Roles & { name: string }, key: string) => setMade((await api.POST('/api/people', { body: { name: draft.name.trim(), ...grantOf(draft) }, params: { header: { 'idempotency-key': key } } })).data!);
  return (
    <New<never, Roles & { name: string }>
      title={who.newPerson} verb="create_person" steps={who.newPersonSteps} fields={fields} draftOf={() => ({ ...rolesOf(), name: '' })} send={send} onClose={onClose}
      result={made && <Once title={who.link} text={made.link} until={made.until} />}
    />
  );
}

type OfPerson = Close & { person: Shapes['Person'] };
const params = (person: Shapes['Person']) => ({ params: { path: { person: person.name } } });

const source = (person: Shapes['Person']) => ({ path: '/api/people/{person}', of: person.name, read: () => api.GET('/api/people/{person}', params(person)) });
const edition = (person: Shapes['Person'], tag: string) => ({ params: { path: { person: person.name }, ...seen(tag) } });

export function EditPerson({ person, onClose }: OfPerson) {
  const { who } = words.edits;
  return (
    <Present<Shapes['Person'], Roles>
      {...source(person)} title={words.edits.title(person.name)} verb="change_person" steps={who.changesPerson} fields={useRoleFields<Roles>()} draftOf={(value) => rolesOf(value?.roles, value?.site)}
      send={(draft, tag) => api.PUT('/api/people/{person}', { ...edition(person, tag), body: grantOf(draft) })} onClose={onClose}
    />
  );
}

export function DisablePerson({ person, onClose }: OfPerson) {
  const { who } = words.edits;
  return <Remove what={person.name} act={who.disable} verb="disable_person" steps={who.disables} send={() => api.PUT('/api/people/{person}/disabled', params(person))} onClose={onClose} />;
}

export function EnablePerson({ person, onClose }: OfPerson) {
  const { who } = words.edits;
  return <Remove what={person.name} act={who.enable} verb="enable_person" steps={who.enables} send={() => api.DELETE('/api/people/{person}/disabled', params(person))} onClose={onClose} />;
}

export function ResetFactor({ person, onClose }: OfPerson) {
  const { who } = words.edits;
  return <Remove what={person.name} act={who.resetFactor} verb="reset_second_factor" steps={who.resetsFactor} send={() => api.DELETE('/api/people/{person}/second-factor', params(person))} onClose={onClose} />;
}

export function RemovePerson({ person, onClose }: OfPerson) {
  const { who } = words.edits;
  return <RemoveEdition {...source(person)} what={person.name} verb="delete_person" steps={who.removesPerson} loses={who.removeLoses} confirm={person.name} send={(tag) => api.DELETE('/api/people/{person}', edition(person, tag))} onClose={onClose} />;
}

export function ResetPassword({ person, onClose }: OfPerson) {
  const { who } = words.edits;
  const [made, setMade] = useState<Shapes['NewLink'] | null>(null);
  const send = async () => setMade((await api.POST('/api/people/{person}/reset-password', params(person))).data!);
  return <Dialog title={words.actions.title(who.resetPassword, person.name)} act={who.resetPassword} verb="reset_password" steps={who.resetsPassword} request="" send={send} onClose={onClose} result={made && <Once title={who.link} text={made.link} until={made.until} />} />;
}

export function EndSession({ session, onClose }: Close & { session: Shapes['Session'] }) {
  const { who } = words.edits;
  return <Remove what={session.name} act={who.endSession} verb="delete_session" steps={who.endsSession} send={() => api.DELETE('/api/sessions/{session}', { params: { path: { session: session.id } } })} onClose={onClose} />;
}

// Settings of the vault that have no edition: what is there now is compared with what was read.

export function EditApprovals({ onClose }: Close) {
  const { who, save, wrong } = words.edits;
  type Draft = { verbs: string; lasts: string };
  const found = queries.useQuery('get', '/api/approvals/settings');
  const draftOf = (of: Shapes['ApprovalSettings'] | undefined): Draft => ({ verbs: of?.verbs?.join('\n') ?? '', lasts: writeSpan(of?.lasts_seconds ?? 86_400) });
  const fields: readonly Field<Draft>[] = [
    { name: 'verbs', title: who.verbs, kind: 'lines', help: who.verbsHelp, wrong: (text) => readList(text).length > 100 && wrong.many(100) }, { name: 'lasts', title: who.lasts, wrong: spanWithin(LEAST_LASTS, MOST_LASTS) },
  ];
  const send = ({ verbs, lasts }: Draft) => api.PUT('/api/approvals/settings', { body: { verbs: readList(verbs).map((each) => each.replaceAll('-', '_')), lasts_seconds: readSpan(lasts)! } });
  return (
    <Asking of={found}>
      {(value) => (
        <Edit<Shapes['ApprovalSettings'], Draft> title={words.edits.title(words.access.approvals)} act={save} verb="change_approval_settings" steps={who.approvalSteps} found={{ value, tag: JSON.stringify(value) }} draftOf={draftOf} lines={(draft) => linesOf(fields, draft)} isSound={(draft) => isSound(fields, draft)} send={send} onClose={onClose}>
          {(draft, change, tried) => <Fields fields={fields} draft={draft} onChange={change} tried={tried} />}
        </Edit>
      )}
    </Asking>
  );
}

export function EditAudit({ onClose }: Close) {
  const { who, save } = words.edits;
  type Draft = { days: string };
  const found = queries.useQuery('get', '/api/audit/settings');
  const fields: readonly Field<Draft>[] = [{ name: 'days', title: who.days, help: who.daysHelp, wrong: orNone(within(30, 36_500)) }];
  const send = ({ days }: Draft) => api.PUT('/api/audit/settings', { body: { kept_days: days.trim() ? Number(days) : null } });
  return (
    <Asking of={found}>
      {(value) => (
        <Edit<Shapes['AuditSettings'], Draft> title={who.kept} act={save} verb="change_audit_settings" steps={who.keptSteps} found={{ value, tag: JSON.stringify(value) }} draftOf={(of) => ({ days: of?.kept_days?.toString() ?? '' })} lines={(draft) => linesOf(fields, draft)} isSound={(draft) => isSound(fields, draft)} send={send} onClose={onClose}>
          {(draft, change, tried) => <Fields fields={fields} draft={draft} onChange={change} tried={tried} />}
        </Edit>
      )}
    </Asking>
  );
}
