// A field of a form, also one that hides what is typed.
import { Button, FormGroup, FormHelperText, HelperText, HelperTextItem, InputGroup, InputGroupItem, TextInput } from '@patternfly/react-core';
import EyeIcon from '@patternfly/react-icons/dist/esm/icons/eye-icon';
import EyeSlashIcon from '@patternfly/react-icons/dist/esm/icons/eye-slash-icon';
import { useState } from 'react';
import { words } from '../words';

export function Field({ id, label, value, wrong, help, isSecret = false, autoComplete = 'off', onChange }: {
  id: string; label: string; value: string; wrong?: string; help?: string; isSecret?: boolean; autoComplete?: string; onChange: (to: string) => void;
}) {
  const [isShown, setShown] = useState(!isSecret);
  const look = isShown ? words.login.hide : words.login.show;
  return (
    <FormGroup label={label} fieldId={id}>
      <InputGroup>
        <InputGroupItem isFill>
          <TextInput
            id={id} type={isShown ? 'text' : 'password'} value={value} autoComplete={autoComplete} spellCheck={false}
            validated={wrong ? 'error' : 'default'} aria-describedby={`${id}-help`} onChange={(_, to) => onChange(to)}
          />
        </InputGroupItem>
        {isSecret && (
          <InputGroupItem>
            <Button variant="control" aria-label={look} icon={isShown ? <EyeSlashIcon /> : <EyeIcon />} onClick={() => setShown(!isShown)} />
          </InputGroupItem>
        )}
      </InputGroup>
      <FormHelperText id={`${id}-help`}>
        {(wrong ?? help) && (
          <HelperText><HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong ?? help}</HelperTextItem></HelperText>
        )}
      </FormHelperText>
    </FormGroup>
  );
}
