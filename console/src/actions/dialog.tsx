// The frame of every act: what will happen, what is given, what the vault says to it, and what happened meanwhile. What
// is said while it is open stands above what scrolls: in a long form it was out of view.
import { Alert, Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useIsFetching, type Query } from '@tanstack/react-query';
import { use, useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { useLocation } from 'wouter';
import { Refused, cache, isLate, queries, type Shapes } from '../api';
import { useWho } from '../api/session';
import { To, jobPath } from '../parts/frame';
import { useUnheard } from '../parts/heard';
import { Closes, Gone } from '../parts/instead';
import { told } from '../parts/state';
import { words } from '../words';
import { Typed, isSame } from './fields';
import { lookAgain } from '../live';
import { useKey, type Read } from './start';

const APPROVAL_NEEDED = 'approval-needed';

export type DialogProps = {
  title: string;
  /** What the button says that acts. */
  act: string;
  /** Who decides whether a second person is needed: the name of the verb as the API has it. */
  verb?: string;
  steps: readonly string[];
  /** What else is said of what will happen: of another thing nothing was confirmed. */
  says?: string;
  variant?: 'medium' | 'large' | undefined;
  /** What is lost. Then `confirm` is to be typed before anything is sent. */
  loses?: string | false;
  confirm?: string | undefined;
  /** Whether all fields are well; they say themselves what is not, once `tried`. */
  isSound?: boolean;
  /** What happened since this was opened that forbids the act. */
  meanwhile?: ReactNode;
  /** Whether the same would be another act by now: then not even what may have arrived is sent again. */
  isOther?: boolean;
  /** Whether what the vault said to it is shown here; `meanwhile` may say it better. */
  isSaid?: (problem: unknown) => boolean;
  /** What is sent, as text: the same text is carried out once only. */
  request: string;
  /** The machines as they were read here, which is sent along. */
  reads?: readonly Read[];
  /** Sends it; gives the job to look at next, or nothing. Who takes the key sends what is carried out once at most. */
  send: (key: string, read: readonly Read[]) => Promise<string | void>;
  /** What came of it, once it is sent: then it stays open and shows this. `null`: not yet. */
  result?: ReactNode;
  onClose: () => void;
  /** What Escape and the other button do; they close it unless something is to be asked first. */
  leave?: () => void;
  /** What else is to be read before one goes on. */
  notice?: ReactNode;
  children?: (tried: boolean) => ReactNode;
};

/** Under which name the vault's setting has a verb. */
export const settingName = (verb: string) => verb.replaceAll('_', '-');

export function useNeedsApproval(verb: string | undefined): boolean {
  const { data } = queries.useQuery('get', '/api/approvals/settings');
  return verb !== undefined && !!data?.verbs?.some((each) => settingName(each) === settingName(verb));
}

/** What stands in a dialog before its act, and was never there yet. */
const READ = ['/api/machines/{machine}/choices', '/api/machines/{machine}/reprotect-preview', '/api/plans/{plan}/preview'];
const isOfDialog = ({ queryKey: [, path], state }: Query) => READ.includes(path as string) && state.status === 'pending';

const nothing = () => {};

/** Who looks for something in the dialog, or ticks or chooses it, is not done: Enter sends from all other fields. */
function sendsNothing(event: KeyboardEvent<HTMLFormElement>) {
  const at = event.target;
  if (event.key === 'Enter' && at instanceof HTMLInputElement && ['search', 'checkbox', 'radio'].includes(at.type)) event.preventDefault();
}

function useSending({ request, reads = [], send, onClose, result }: Pick<DialogProps, 'request' | 'reads' | 'send' | 'onClose' | 'result'>) {
  const [problem, setProblem] = useState<{ of: unknown; read: string }>();
  const [unanswered, setUnanswered] = useState<string>(); // what may have arrived, though no answer came
  const [isBusy, setBusy] = useState(false);
  const [, go] = useLocation();
  const key = useKey();
  const read = numbersOf(reads);
  const meant = `${request} ${read}`; // whoever goes on with what is there now means another act
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => void (isHere.current = false);
  }, []);
  const act = async () => {
    setBusy(true);
    setProblem(undefined);
    setUnanswered(undefined);
    try {
      const job = await send(key.of(meant), reads);
      if (result === undefined) onClose();
      setBusy(false);
      if (job && isHere.current) go(jobPath(job)); // who has left already is not led away
    } catch (found) {
      if (found instanceof Refused) key.end();
      if (isLate(found)) hearAgain(); // this page did not hear what the vault knows
      else setUnanswered(meant);
      setProblem({ of: found, read });
      setBusy(false);
    }
  };
  return { act, problem: problem?.read === read ? problem.of : undefined, isBusy, isUnanswered: unanswered === meant };
}

const numbersOf = (read: readonly Read[]) => JSON.stringify(read.map((each) => [each.id, each.generation, each.drill_generation]));

function hearAgain() {
  void cache.invalidateQueries();
  lookAgain();
}

/** What was typed to confirm. Of another request it confirms nothing, also later; nor once what will happen is another
thing than when it was typed, and somebody went on with that. */
function useTyping({ title, request, steps, says, loses, reads = [] }: DialogProps) {
  const [of, read, said] = [`${title} ${request}`, numbersOf(reads), JSON.stringify([steps, says, loses])];
  const [typing, setTyping] = useState({ of, read, said, text: '' });
  const isOther = typing.of !== of || (typing.read !== read && typing.said !== said);
  if (isOther) setTyping({ of, read, said, text: '' });
  const type = (text: string) => setTyping({ of, read, said, text });
  return [isOther ? '' : typing.text, type] as const;
}

export function Dialog(props: DialogProps) {
  const { title, act: button, verb, steps, variant = 'medium', loses, confirm, isSound = true, isSaid = () => true, onClose, leave = onClose, result, notice, children } = props;
  const [tried, setTried] = useState(false);
  const [typed, type] = useTyping(props);
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const { act, problem, isBusy, isUnanswered } = useSending(props);
  const isRead = useIsFetching({ predicate: isOfDialog }) === 0; // what is read before one decides
  const gone = use(Gone);
  const isAgain = isUnanswered && !props.isOther && !gone && props.send.length > 0; // it may be done already: then a repeat gives its job, and changes nothing
  const meanwhile = !isBusy && !isAgain && (props.meanwhile || (gone && !result && <NotAnyMore act={gone} />)); // the vault tells what was sent before it answers
  const needsApproval = useNeedsApproval(verb);
  const isTyped = !loses || !confirm || isSame(typed, confirm);
  const isReady = isAgain || (isSound && isTyped);
  const isAsked = problem instanceof Refused && problem.code === APPROVAL_NEEDED;
  const isKept = isAsked || !!result;
  const isOpen = !result && !isAgain;
  const goes = result ? onClose : isBusy ? undefined : leave; // what is on its way is not left as it is
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isKept || isBusy || meanwhile) return; // Enter sends a form of one field also without a button
    flushSync(() => setTried(true)); // the focus moves before the next key, not with the next frame: what was typed meanwhile went into two fields
    if (isReady) return void act();
    form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  };
  return (
    <Closes value={undefined}>
      <Modal isOpen variant={variant} onClose={goes ?? nothing} aria-labelledby={`${id}-title`} elementToFocus={`#${CSS.escape(id)}-body`}>
        <ModalHeader title={title} labelId={`${id}-title`} />
        <div className="dialog-says">
          <Unheard />
          {meanwhile}
          {problem !== undefined && isSaid(problem) && <Said of={problem} isAgain={isAgain} />}
          {notice}
        </div>
        <ModalBody id={`${id}-body`} tabIndex={0} aria-labelledby={`${id}-title`} role="group">
          <Form id={id} ref={form} onSubmit={submit} onKeyDown={sendsNothing} noValidate>
            {result && <div role="status">{result}</div>}
            {isOpen && steps.length > 0 && (
              <section aria-label={words.actions.will}>
                <h2 className="lesser">{words.actions.will}</h2>
                <ol className="will">{steps.map((each) => <li key={each}>{each}</li>)}</ol>
              </section>
            )}
            {!result && children?.(tried)}
            {needsApproval && !isKept && <Alert isInline variant="info" component="h3" title={words.actions.needsApproval} />}
            {loses && isOpen && <Alert isInline variant="warning" component="h3" title={words.actions.lost}>{loses}</Alert>}
            {loses && confirm && isOpen && <Typed name={confirm} value={typed} onChange={type} tried={tried} />}
          </Form>
        </ModalBody>
        <ModalFooter>
          {isBusy && <p role="status" className="awaited small">{words.actions.onItsWay}</p>}
          {!isKept && (
            <Button type="submit" form={id} variant={loses ? 'danger' : 'primary'} isLoading={isBusy} isDisabled={isBusy || !isRead || !!meanwhile}>
              {needsApproval ? words.actions.asks(button) : button}
            </Button>
          )}
          <Button variant="link" onClick={goes} isDisabled={!goes}>{isKept ? words.actions.close : words.actions.back}</Button>
        </ModalFooter>
      </Modal>
    </Closes>
  );
}

const NotAnyMore = ({ act }: { act: string }) => <div role="alert"><Alert isInline variant="warning" component="h2" title={words.actions.meanwhile(act)} /></div>;

/** The page's own line about that lies behind the dialog. */
function Unheard() {
  const unheard = useUnheard();
  return unheard && <Alert isInline variant="warning" component="h2" title={unheard} />;
}

/** What the vault said to it. */
function Said(props: { of: unknown; isAgain: boolean }) {
  return <div role="alert"><SaidAs {...props} /></div>;
}

function SaidAs({ of: problem, isAgain }: { of: unknown; isAgain: boolean }) {
  const { says, next } = told(problem);
  const { actions } = words;
  const may = useWho().data?.permissions.includes('enter');
  if (!(problem instanceof Refused)) return <Alert isInline variant="danger" component="h2" title={says}>{isAgain ? actions.notSent : actions.notKnown}</Alert>;
  if (problem.code === APPROVAL_NEEDED) {
    return <Alert isInline variant="info" component="h2" title={actions.asked}>{says}<br />{next}<br />{may && <To path="/access">{actions.toApprovals}</To>}</Alert>;
  }
  return <Alert isInline variant="danger" component="h2" title={actions.refused}>{says}<br />{next}</Alert>;
}

export type Machine = Shapes['Machine'];
