// Security keys (WebAuthn): the browser asks them, and knows what they answered as JSON.
import { Refused, api } from '.';
import { words } from '../words';
import type { LogInBody } from './session';

/** Whether keys can work here: browsers want a name, not an address, and must know them. */
export const isAtName = !/^(\[.*\]|[0-9.]+)$/.test(location.hostname);
export const knowsKeys = isAtName && 'PublicKeyCredential' in window && 'parseRequestOptionsFromJSON' in PublicKeyCredential;

type Asked = { publicKey: PublicKeyCredentialRequestOptionsJSON };
type AskedForNew = { publicKey: PublicKeyCredentialCreationOptionsJSON };

/** What a key answers, as JSON; that it does not, that somebody says no, or that it is known already, is told in words. */
async function said(asking: Promise<Credential | null>): Promise<string> {
  const found = await asking.catch((why: unknown) => {
    if (why instanceof DOMException && why.name === 'InvalidStateError') throw new Refused(0, 'key-added', words.login.keyAdded, words.login.keyAddedDo);
    return null;
  });
  if (!(found instanceof PublicKeyCredential)) throw new Refused(0, 'no-key', words.login.noKey, words.login.noKeyDo);
  return JSON.stringify(found.toJSON());
}

async function used(options: string, signal: AbortSignal): Promise<string> {
  const { publicKey } = JSON.parse(options) as Asked;
  return said(navigator.credentials.get({ signal, publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) }));
}

/** What a new key answers to what the vault asked. */
export async function made(options: string, signal: AbortSignal): Promise<string> {
  const { publicKey } = JSON.parse(options) as AskedForNew;
  return said(navigator.credentials.create({ signal, publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) }));
}

/** The log-in, with what a key of this person answers. */
export async function withKey(body: LogInBody, signal: AbortSignal): Promise<LogInBody> {
  const { data } = await api.POST('/api/session/question', { body });
  return { ...body, key_answer: await used(data!.options, signal) };
}

/** What one of one's own keys answers, to remove a second factor. */
export async function ownKeySays(signal: AbortSignal): Promise<string> {
  const { data } = await api.POST('/api/session/security-keys/ask', {});
  return used(data!.options, signal);
}
