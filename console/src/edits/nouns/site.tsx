// Sites: a new one, what they may send and give to verification, pairs, and keys by which appliances enroll.
import { useState } from 'react';
import { ClipboardCopy } from '@patternfly/react-core';
import { api, type Shapes } from '../../api';
import { Dialog } from '../../actions/dialog';
import { Facts } from '../../parts/facts';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant } from '../../words/format';
import { Edit } from '../edit';
import { seen, useEdition } from '../edition';
import { New, Present } from '../editor';
import { Fields, isSound, like, linesOf, named, orNone, rated, sized, within, type Field } from '../form';
import { Items, itemLines, itemsSound, type ItemsForm } from '../items';
import { readRate, readSize, writeSize } from '../reading';
import { RemoveEdition } from '../remove';

type Site = Shapes['Site'];
type Of = { name: string; onClose: () => void };
const HOUR_MINUTE = /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const source = (name: string) => ({ path: '/api/sites/{site}', of: name, read: () => api.GET('/api/sites/{site}', { params: { path: { site: name } } }) });

export function NewSite({ onClose }: { onClose: () => void }) {
  const { site, plan } = words.edits;
  const send = ({ name }: { name: string }, key: string) => api.POST('/api/sites', { body: { name }, params: { header: { 'idempotency-key': key } } });
  return <New<Site, { name: string }> title={site.create} verb="create_site" steps={site.creates} fields={[{ name: 'name', title: words.sites.name, help: plan.nameHelp, wrong: named }]} draftOf={() => ({ name: '' })} send={send} onClose={onClose} />;
}

export function RemoveSite({ name, onClose }: Of) {
  const send = (tag: string) => api.DELETE('/api/sites/{site}', { params: { path: { site: name }, ...seen(tag) } });
  return <RemoveEdition {...source(name)} what={name} verb="delete_site" steps={words.edits.site.deletes} send={send} onClose={onClose} />;
}

// What it may send.

type Window = Record<'begins' | 'ends' | 'rate', string> & Record<(typeof DAYS)[number], boolean>;
type Bandwidth = { main: { rate: string; offset: string }; windows: readonly Window[] };

const rateOf = (rate: number | null | undefined) => (rate == null ? '' : writeSize(rate));
const bodyRate = (text: string) => (text.trim() ? readRate(text)! : null);

function bandwidthOf(of: Site | undefined): Bandwidth {
  const { bytes_per_second: rate, windows = [], utc_offset_minutes: offset = 0 } = of?.bandwidth ?? {};
  const days = (all: readonly string[]) => Object.fromEntries(DAYS.map((each) => [each, all.includes(each)])) as Record<(typeof DAYS)[number], boolean>;
  return { main: { rate: rateOf(rate), offset: String(offset) }, windows: windows.map((each) => ({ begins: each.begins, ends: each.ends, rate: rateOf(each.bytes_per_second), ...days(each.days) })) };
}

function bandwidthForms(): { fields: readonly Field<Bandwidth['main']>[]; form: ItemsForm<Window> } {
  const { site, wrong } = words.edits;
  const offset = (text: string) => !(/^-?\d{1,3}$/.test(text) && Math.abs(Number(text)) <= 840) && site.offsetWrong;
  const fresh = (): Window => ({ begins: '08:00', ends: '18:00', rate: '', ...(Object.fromEntries(DAYS.map((each) => [each, each !== 'sat' && each !== 'sun'])) as Record<(typeof DAYS)[number], boolean>) });
  return {
    fields: [{ name: 'rate', title: site.rate, help: site.rateHelp, wrong: orNone(rated) }, { name: 'offset', title: site.offset, help: site.offsetHelp, wrong: offset }],
    form: {
      nameOf: (_, at) => site.window(at + 1), add: site.addWindow, fresh,
      fields: [
        { name: 'begins', title: site.begins, wrong: (text, draft) => (!DAYS.some((each) => draft[each]) ? site.needDay : like(HOUR_MINUTE, wrong.time)(text)) },
        { name: 'ends', title: site.ends, wrong: like(HOUR_MINUTE, wrong.time) }, { name: 'rate', title: site.rate, help: site.rateHelp, wrong: orNone(rated) },
        ...DAYS.map((each) => ({ name: each, title: site.days[each] })),
      ],
    },
  };
}

export function EditBandwidth({ name, onClose }: Of) {
  const { site } = words.edits;
  const { path, of, read } = source(name);
  const found = useEdition(path, of, read);
  const { fields, form } = bandwidthForms();
  const send = ({ main, windows }: Bandwidth, tag: string) => api.PUT('/api/sites/{site}/bandwidth', {
    params: { path: { site: name }, ...seen(tag) },
    body: { bytes_per_second: bodyRate(main.rate), utc_offset_minutes: Number(main.offset), windows: windows.map((each) => ({ days: DAYS.filter((day) => each[day]), begins: each.begins, ends: each.ends, bytes_per_second: bodyRate(each.rate) })) },
  });
  return (
    <Asking of={found}>
      {(edition) => (
        <Edit<Site, Bandwidth>
          title={site.bandwidthOf(name)} act={words.edits.save} verb="limit_site" steps={site.limits} found={edition} again={found.refetch} draftOf={bandwidthOf} send={send} onClose={onClose}
          lines={({ main, windows }) => [...linesOf(fields, main), ...itemLines(form, windows)]} isSound={({ main, windows }) => isSound(fields, main) && itemsSound(form, windows)}
        >
          {(draft, change, tried) => (
            <>
              <Fields fields={fields} draft={draft.main} onChange={(main) => change({ ...draft, main })} tried={tried} />
              <Items form={form} items={draft.windows} onChange={(windows) => change({ ...draft, windows })} tried={tried} />
            </>
          )}
        </Edit>
      )}
    </Asking>
  );
}

// What it gives to copies that are only booted to be looked at.

type Verification = Record<'days' | 'once' | 'memory' | 'begins' | 'ends' | 'network', string>;

export function EditVerification({ name, onClose }: Of) {
  const { site, wrong } = words.edits;
  const draftOf = (of: Site | undefined): Verification => {
    const { every_days: days = 0, at_once: once = 1, memory_bytes: memory, begins = '00:00', ends = '24:00', network = 'none' } = of?.verification ?? {};
    return { days: String(days), once: String(once), memory: memory ? writeSize(memory) : '', begins, ends, network };
  };
  const fields: readonly Field<Verification>[] = [
    { name: 'days', title: site.every, help: site.everyHelp, wrong: within(0, 90) }, { name: 'once', title: site.once, wrong: within(1, 16) }, { name: 'memory', title: site.memory, help: site.memoryHelp, wrong: orNone(sized) },
    { name: 'begins', title: site.begins, wrong: like(HOUR_MINUTE, wrong.time) }, { name: 'ends', title: site.ends, wrong: like(HOUR_MINUTE, wrong.time) },
    { name: 'network', title: words.actions.network.title, options: [['none', words.actions.network.none], ['isolated', words.actions.network.create]] },
  ];
  const send = ({ days, once, memory, begins, ends, network }: Verification, tag: string) => api.PUT('/api/sites/{site}/verification', {
    params: { path: { site: name }, ...seen(tag) }, body: { every_days: Number(days), at_once: Number(once), memory_bytes: memory ? readSize(memory)! : null, begins, ends, network: network as 'none' | 'isolated' },
  });
  return <Present<Site, Verification> {...source(name)} title={site.verificationOf(name)} verb="set_verification" fields={fields} draftOf={draftOf} send={send} onClose={onClose} />;
}

// What holds between two sites.

type Pair = Shapes['SitePair'];

export function EditPair({ first, second, onClose }: { first: string; second: string; onClose: () => void }) {
  const { site } = words.edits;
  type Draft = { reverse: boolean } & Record<'firstPlace' | 'secondPlace', string>;
  const path = { site: first, other: second };
  const draftOf = (of: Pair | undefined): Draft => ({ reverse: of?.reverse_after_commit ?? true, firstPlace: of?.settle?.[first]?.place ?? '', secondPlace: of?.settle?.[second]?.place ?? '' });
  const fields: readonly Field<Draft>[] = [
    { name: 'reverse', title: site.reverse, help: site.reverseHelp }, { name: 'firstPlace', title: site.place(first), help: site.placeHelp }, { name: 'secondPlace', title: site.place(second), help: site.placeHelp },
  ];
  const send = ({ reverse, firstPlace, secondPlace }: Draft, tag: string, { settle: former = {} }: Pair) => {
    const places = ([[first, firstPlace], [second, secondPlace]] as const).filter(([, place]) => place.trim());
    const settle = Object.fromEntries(places.map(([at, place]) => [at, { format: 'qcow2' as const, ...former[at], place: place.trim() }]));
    return api.PUT('/api/site-pairs/{site}/{other}', { params: { path, ...seen(tag) }, body: { reverse_after_commit: reverse, settle } });
  };
  return (
    <Present<Pair, Draft>
      path="/api/site-pairs/{site}/{other}" of={`${first} ${second}`} read={() => api.GET('/api/site-pairs/{site}/{other}', { params: { path } })}
      title={words.edits.title(`${first}, ${second}`)} verb="change_pair" fields={fields} draftOf={draftOf} send={send} onClose={onClose}
    />
  );
}

// Keys of appliances: shown once.

function Key({ title, verb, steps, loses, confirm, ask, onClose }: { title: string; verb: string; steps: readonly string[]; loses?: string; confirm?: string; ask: (key: string) => Promise<Shapes['RegistrationKey']>; onClose: () => void }) {
  const { site } = words.edits;
  const [made, setMade] = useState<Shapes['RegistrationKey'] | null>(null);
  const result = made && (
    <>
      <p>{site.keyOnce}</p>
      <ClipboardCopy isReadOnly hoverTip={words.edits.copy} clickTip={words.edits.copied} textAriaLabel={site.key}>{made.key}</ClipboardCopy>
      <Facts of={[[words.access.ends, instant(made.expires_at)], [words.settings.ca, <code className="name">{made.ca_fingerprint}</code>]]} />
    </>
  );
  return <Dialog title={title} act={site.makeKey} verb={verb} steps={steps} loses={loses ?? false} confirm={confirm} request="" result={result} send={async (key) => setMade(await ask(key))} onClose={onClose} />;
}

export function SiteKey({ name, onClose }: Of) {
  const { site } = words.edits;
  const ask = async (key: string) => (await api.POST('/api/sites/{site}/registration-key', { params: { path: { site: name }, header: { 'idempotency-key': key } } })).data!;
  return <Key title={words.actions.title(site.makeKey, name)} verb="create_registration_key" steps={site.keySteps} ask={ask} onClose={onClose} />;
}

export function ReplacementKey({ appliance, onClose }: { appliance: Shapes['Appliance']; onClose: () => void }) {
  const { site } = words.edits;
  const ask = async (key: string) => (await api.POST('/api/appliances/{appliance}/registration-key', { params: { path: { appliance: appliance.id }, header: { 'idempotency-key': key } }, body: { refuse_now: true } })).data!;
  return <Key title={words.actions.title(site.replace, appliance.name)} verb="create_replacement_key" steps={site.replaceSteps} loses={site.replaceLoses(appliance.name)} confirm={appliance.name} ask={ask} onClose={onClose} />;
}
