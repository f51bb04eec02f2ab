// A target of notices: whom the vault tells of what, by mail or webhook.
import { useState } from 'react';
import { api, type Shapes } from '../../api';
import { Dialog } from '../../actions/dialog';
import { words } from '../../words';
import { seen } from '../edition';
import { New, Present } from '../editor';
import { like, named, needed, orNone, spanWithin, within, type Field, type Options } from '../form';
import { readList, readSpan, writeSpan } from '../reading';
import { RemoveEdition } from '../remove';

type Target = Shapes['NoticeTarget'];
type Text = 'name' | 'kind' | 'url' | 'host' | 'port' | 'tls' | 'user' | 'sender' | 'to' | 'secret' | 'findings' | 'jobs' | 'verbs' | 'report' | 'begins' | 'ends' | 'zone' | 'repeat' | 'pace' | 'ca';
type Draft = Record<Text, string> & { gone: boolean; approvals: boolean; enabled: boolean };
type Of = { name: string; onClose: () => void };
const HOUR_MINUTE = /^([01]\d|2[0-4]):[0-5]\d$/;

function draftOf(of: Target | undefined): Draft {
  const { wanted, mail, webhook, quiet } = of ?? {};
  return {
    name: of?.name ?? '', kind: webhook ? 'webhook' : 'mail', url: webhook?.url ?? '', host: mail?.host ?? '', port: String(mail?.port ?? 587), tls: mail?.tls ?? 'starttls', user: mail?.user ?? '', sender: mail?.sender ?? '', to: mail?.to.join('\n') ?? '',
    secret: '', findings: wanted ? (wanted.findings ?? '') : 'warning', jobs: wanted?.jobs ?? 'failed', verbs: wanted?.verbs.join('\n') ?? '', report: wanted?.weekly_report ?? '', begins: quiet?.begins ?? '', ends: quiet?.ends ?? '', zone: quiet?.zone ?? 'UTC',
    repeat: writeSpan(of?.repeat_seconds ?? 3_600), pace: writeSpan(of?.pace_seconds ?? 60), ca: of?.ca_pem ?? '', gone: wanted?.gone ?? true, approvals: wanted?.approvals ?? true, enabled: of?.enabled ?? true,
  };
}

function bodyOf(draft: Draft): Shapes['NoticeTargetChange'] {
  const isMail = draft.kind === 'mail';
  return {
    mail: isMail ? { host: draft.host.trim(), port: Number(draft.port), tls: draft.tls as Shapes['Tls'], user: draft.user || null, sender: draft.sender.trim(), to: readList(draft.to) } : null,
    webhook: isMail ? null : { url: draft.url.trim() },
    wanted: { findings: (draft.findings || null) as Shapes['Severity'] | null, gone: draft.gone, jobs: draft.jobs as Shapes['Jobs'], verbs: readList(draft.verbs), approvals: draft.approvals, weekly_report: draft.report.trim() || null },
    quiet: draft.begins ? { begins: draft.begins, ends: draft.ends, zone: draft.zone.trim() || 'UTC' } : null,
    repeat_seconds: readSpan(draft.repeat)!, pace_seconds: readSpan(draft.pace)!, ca_pem: draft.ca.trim() || null, enabled: draft.enabled, secret: draft.secret || null,
  };
}

const isMail = ({ kind }: Draft) => kind === 'mail';
const isWebhook = ({ kind }: Draft) => kind === 'webhook';
const tls: Options = [['starttls', 'STARTTLS'], ['tls', 'TLS'], ['none', 'none']];

const LEAST_SECRET = 16;

/** A webhook is signed with its secret; a mail server may want none. */
function wrongSecret(text: string, draft: Draft, isNew: boolean): string | false {
  if (isWebhook(draft) && (isNew || text) && text.length < LEAST_SECRET) return words.edits.target.secretShort;
  return text !== '' && needed(1000)(text);
}

function fieldsOf(isNew: boolean): readonly Field<Draft>[] {
  const { target, plan, wrong } = words.edits;
  return [
    { name: 'name', title: words.notices.name, help: plan.nameHelp, wrong: named, isFor: () => isNew },
    { name: 'kind', title: target.kind, options: [['mail', target.mail], ['webhook', target.webhook]] },
    { name: 'url', title: target.url, wrong: like(/^https?:\/\/\S{1,1990}$/, target.urlWrong), isFor: isWebhook },
    { name: 'host', title: target.host, wrong: needed(253), isFor: isMail },
    { name: 'port', title: target.port, wrong: within(1, 65_535), isFor: isMail },
    { name: 'tls', title: target.tls, options: tls, isFor: isMail },
    { name: 'user', title: target.user, help: target.userHelp, isFor: isMail },
    { name: 'sender', title: target.sender, wrong: like(/^\S+@\S+$/, target.addressWrong), isFor: isMail },
    { name: 'to', title: target.to, kind: 'lines', help: target.toHelp, wrong: (text) => (!readList(text).length || readList(text).length > 20 || readList(text).some((each) => !/^\S+@\S+$/.test(each))) && target.addressWrong, isFor: isMail },
    { name: 'secret', title: target.secret, kind: 'secret', help: isNew ? target.secretHelp : target.secretKept, wrong: (text, draft) => wrongSecret(text, draft, isNew) },
    { name: 'findings', title: target.findings, options: [['', target.noFindings], ['warning', target.warnings], ['critical', target.criticals]] },
    { name: 'gone', title: target.gone },
    { name: 'jobs', title: target.jobs, options: [['none', target.job.none], ['failed', target.job.failed], ['ended', target.job.ended]] },
    { name: 'verbs', title: target.verbs, kind: 'lines', help: target.verbsHelp, wrong: (text) => readList(text).length > 50 && wrong.many(50) },
    { name: 'approvals', title: target.approvals },
    { name: 'report', title: target.report, help: target.reportHelp },
    { name: 'begins', title: target.begins, help: target.quietHelp, wrong: orNone(like(HOUR_MINUTE, wrong.time)) },
    { name: 'ends', title: target.ends, wrong: like(HOUR_MINUTE, wrong.time), isFor: (draft) => draft.begins !== '' },
    { name: 'zone', title: target.zone, help: target.zoneHelp, isFor: (draft) => draft.begins !== '' },
    { name: 'repeat', title: target.repeat, wrong: spanWithin(0, 604_800) },
    { name: 'pace', title: target.pace, wrong: spanWithin(0, 86_400) },
    { name: 'ca', title: target.ca, kind: 'lines', help: target.caHelp, wrong: orNone(needed(20_000)) },
    { name: 'enabled', title: target.enabled },
  ];
}

const source = (name: string) => ({ path: '/api/notices/targets/{target}', of: name, read: () => api.GET('/api/notices/targets/{target}', { params: { path: { target: name } } }) });

export function NewTarget({ onClose }: { onClose: () => void }) {
  const send = (draft: Draft, key: string) => api.POST('/api/notices/targets', { body: { name: draft.name, ...bodyOf(draft) }, params: { header: { 'idempotency-key': key } } });
  return <New<Target, Draft> title={words.edits.target.create} verb="create_notice_target" fields={fieldsOf(true)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function EditTarget({ name, onClose }: Of) {
  const send = (draft: Draft, tag: string) => api.PUT('/api/notices/targets/{target}', { params: { path: { target: name }, ...seen(tag) }, body: bodyOf(draft) });
  return <Present<Target, Draft> {...source(name)} title={words.edits.title(name)} verb="update_notice_target" fields={fieldsOf(false)} draftOf={draftOf} send={send} onClose={onClose} />;
}

export function RemoveTarget({ name, onClose }: Of) {
  const send = (tag: string) => api.DELETE('/api/notices/targets/{target}', { params: { path: { target: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_notice_target" steps={words.edits.target.deletes} send={send} onClose={onClose} />;
}

export function TestTarget({ name, onClose }: Of) {
  const { target } = words.edits;
  const [said, setSaid] = useState<string | null>(null);
  const send = async () => {
    const { data } = await api.POST('/api/notices/targets/{target}/test', { params: { path: { target: name } } });
    setSaid(target.tested(!!data?.delivered, data?.said ?? ''));
  };
  return (
    <Dialog title={words.actions.title(target.test, name)} act={target.test} verb="test_notice_target" steps={target.tests} request={name} result={said} send={send} onClose={onClose} />
  );
}
