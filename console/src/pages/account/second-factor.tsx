// One's own second factor: an app's codes, and the codes for whoever loses it.
import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { api, type Shapes } from '../../api';
import { sessionChanged, type Who } from '../../api/session';
import { useGuard } from '../../edits/guard';
import { Facts } from '../../parts/facts';
import { Field } from '../../parts/field';
import { Closes } from '../../parts/instead';
import { words } from '../../words';
import { Sending } from './sending';

type Begun = Shapes['SecondFactorBegun'];

export function SecondFactor({ who }: { who: Who }) {
  const [begun, setBegun] = useState<Begun>();
  const [codes, setCodes] = useState<readonly string[]>();
  if (codes) return <Recovery codes={codes} kept={() => setCodes(undefined)} />;
  if (who.has_app) return <Remove isFree={who.chooses_password} />;
  if (!begun) return <Begin needsNow={!who.chooses_password} then={setBegun} />;
  const on = (made: readonly string[]) => {
    setBegun(undefined);
    setCodes(made);
  };
  return <Confirm begun={begun} then={on} cancel={() => setBegun(undefined)} />;
}

function Begin({ needsNow, then }: { needsNow: boolean; then: (begun: Begun) => void }) {
  const { account } = words;
  const send = async (password: string) => then((await api.POST('/api/session/second-factor', { body: { password: password || null } })).data!);
  if (!needsNow) return <Sending label={account.begin} check={() => true} send={() => send('')}><p>{account.hasNot}</p></Sending>;
  return <WithOne id="factor-password" says={account.hasNot} label={account.now} need={account.needNow} act={account.begin} autoComplete="current-password" isSecret send={send} />;
}

function Confirm({ begun, then, cancel }: { begun: Begun; then: (codes: readonly string[]) => void; cancel: () => void }) {
  const { account } = words;
  const picture = usePicture(begun.svg);
  const send = async (code: string) => {
    then((await api.PUT('/api/session/second-factor', { body: { one_time_code: code } })).data!.codes);
    await sessionChanged();
  };
  return (
    <>
      <p className="sentence">{account.scan}</p>
      {picture && <img className="qr" src={picture} alt={account.picture} />}
      <Facts of={[[account.typed, <code className="name">{begun.secret}</code>]]} />
      <WithOne id="factor-code" label={account.code} need={account.needCode} act={account.confirm} autoComplete="one-time-code" send={send} cancel={cancel} />
    </>
  );
}

/** The address of a picture that no server has: the policy of the pages allows it as a blob. */
function usePicture(svg: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [svg]);
  return url;
}

/** They are shown once: neither Escape, nor Back, nor a reload takes them away unasked. */
export function Recovery({ codes, kept }: { codes: readonly string[]; kept: () => void }) {
  const { account } = words;
  const [isAsked, setAsked] = useState(false);
  useGuard(true, () => setAsked(true));
  return (
    <Closes value={undefined}>
      <Modal isOpen variant="small" aria-labelledby="recovery" onEscapePress={() => setAsked(true)}>
        <ModalHeader title={account.recovery} labelId="recovery" description={account.recoveryDo} />
        <ModalBody tabIndex={0} aria-labelledby="recovery" role="group">
          {isAsked && <Alert variant="warning" isInline isLiveRegion title={account.unkept} />}
          <ul className="codes">{codes.map((each) => <li key={each}>{each}</li>)}</ul>
        </ModalBody>
        <ModalFooter><Button onClick={kept}>{account.kept}</Button></ModalFooter>
      </Modal>
    </Closes>
  );
}

/** `isFree`: whoever came by root's link needs no code. */
function Remove({ isFree }: { isFree: boolean }) {
  const { account } = words;
  const send = async (code: string) => {
    await api.POST('/api/session/second-factor/remove', { body: { one_time_code: code || null } });
    await sessionChanged();
  };
  return <WithOne id="factor-remove" says={account.has} label={account.removeCode} need={isFree ? undefined : account.needCode} act={account.remove} autoComplete="one-time-code" send={send} />;
}

/** A form of one field. `need`: what is said if it is empty; it may be without. */
function WithOne({ id, says, label, need, act, autoComplete, isSecret, send, cancel }: {
  id: string; says?: string; label: string; need?: string; act: string; autoComplete: string; isSecret?: boolean;
  send: (given: string) => Promise<unknown>; cancel?: () => void;
}) {
  const [given, setGiven] = useState('');
  const [wrong, setWrong] = useState<string>();
  const check = () => {
    setWrong(given ? undefined : need);
    return given !== '' || !need;
  };
  const aside = cancel && <Button variant="link" onClick={cancel}>{words.account.cancel}</Button>;
  return (
    <Sending label={act} check={check} send={() => send(given)} aside={aside}>
      {says && <p>{says}</p>}
      <Field id={id} label={label} value={given} wrong={wrong} isSecret={isSecret} autoComplete={autoComplete} onChange={setGiven} />
    </Sending>
  );
}
