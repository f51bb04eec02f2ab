// The vault itself, and what the last check of the whole configuration found.
import { Alert } from '@patternfly/react-core';
import { queries } from '../api';
import { Facts, Part } from '../parts/facts';
import { Findings } from '../parts/findings';
import { PageFrame } from '../parts/frame';
import { Asking } from '../parts/state';
import { words } from '../words';
import { ago, instant } from '../words/format';

export default function Settings() {
  const vault = queries.useQuery('get', '/api/vault');
  const validation = queries.useQuery('get', '/api/validation');
  const { settings } = words;
  return (
    <PageFrame title={words.pages.settings}>
      <div className="parts">
        <Asking of={vault}>
          {(found) => (
            <>
              <Findings of={found.findings} />
              <Part title={settings.about}>
                <Facts of={[
                  [settings.name, found.name], [settings.version, found.version], [settings.database, found.database],
                  [settings.sites, found.sites], [settings.appliances, found.appliances], [settings.machines, found.machines],
                  [settings.backup, found.backup_at ? ago(found.backup_at) : words.machines.never],
                  [settings.ca, <code className="name">{found.ca_fingerprint}</code>], [settings.caEnds, instant(found.ca_ends_at)],
                ]} />
              </Part>
            </>
          )}
        </Asking>
        <Part title={settings.validation}>
          <Asking of={validation}>
            {(found) => (
              <>
                <p>{found.checked_at ? settings.checked(ago(found.checked_at), found.machines, found.not_asked) : settings.unchecked}</p>
                {found.flaws.map((each) => (
                  <Alert key={each.kind + each.about + each.what} isInline variant="warning" title={`${each.about}: ${each.what}`} component="h3">
                    <p><strong>{words.next}:</strong> {each.do}</p>
                    <p className="small">{each.kind}, {ago(each.since)}</p>
                  </Alert>
                ))}
                {found.checked_at && !found.flaws.length && <p>{settings.sound}</p>}
              </>
            )}
          </Asking>
        </Part>
      </div>
    </PageFrame>
  );
}
