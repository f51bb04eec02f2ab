// Of one's own: the password, and the second factor.
import { Alert } from '@patternfly/react-core';
import { useWho } from '../../api/session';
import { Part } from '../../parts/facts';
import { PageFrame } from '../../parts/frame';
import { words } from '../../words';
import { Password } from './password';
import { SecondFactor } from './second-factor';
import { SecurityKeys } from './security-keys';

export default function Account() {
  const who = useWho().data!;
  const { account } = words;
  return (
    <PageFrame title={words.pages.account}>
      {who.lacks_second_factor && <Alert variant="warning" isInline title={account.without} />}
      {who.is_person && !who.provider ? (
        <div className="parts">
          <Part title={account.password}><Password who={who} /></Part>
          <Part title={account.factor}><SecondFactor who={who} /></Part>
          <Part title={account.keys}><SecurityKeys who={who} /></Part>
        </div>
      ) : <p>{who.provider ? account.byProvider(who.provider) : account.byToken}</p>}
    </PageFrame>
  );
}
