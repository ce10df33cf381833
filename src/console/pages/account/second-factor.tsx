import { Button, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { beginSecondFactor, confirmSecondFactor } from '../../api/calls.ts'
import type { readSecondFactor } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { askAnew, useAction } from '../../api/queries.ts'
import { Copyable } from '../../parts/copyable.tsx'
import { Section } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import styles from './account.module.css'
import { QrCode } from './qr-code.tsx'
import { secretIn } from './secret-in.ts'
import { accountWords } from './words.ts'

/** Begins to set it up → what the app needs and recovery codes, shown once → the first code confirms it. */
export function SecondFactor({ state }: { readonly state: AnswerOf<typeof readSecondFactor> }) {
  const words = useWords(accountWords)
  const client = useQueryClient()
  const [begins, confirms] = [useAction(beginSecondFactor), useAction(confirmSecondFactor)]
  const { data: made } = begins
  if (state.isSetUp) {
    return (
      <Section title={words.factor}>
        <p>{confirms.isSuccess ? words.confirmed : words.factorSet(state.recoveryCodesLeft)}</p>
      </Section>
    )
  }
  if (!made) {
    return (
      <Section title={words.factor}>
        <Button loading={begins.isPending} onClick={() => begins.mutate({})}>
          {words.begin}
        </Button>
        {begins.error && <Failure of={begins.error} />}
      </Section>
    )
  }
  return (
    <Section title={words.factor}>
      <p>{words.scan}</p>
      <QrCode text={made.uri} label={words.qrCode} />
      <Copyable text={secretIn(made.uri)} label={words.key} />
      <p>
        <a href={made.uri}>{words.openApp}</a>
      </p>
      <h3>{words.codes}</h3>
      <p>{words.codesLead}</p>
      <ul className={styles.codes}>
        {made.recoveryCodes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          const code = new FormData(event.currentTarget).get('code')
          const body = { code: typeof code === 'string' ? code.trim() : '' }
          confirms.mutate({ body }, { onSuccess: () => void askAnew(client, 'all') })
        }}
      >
        <TextInput name="code" label={words.code} inputMode="numeric" autoComplete="one-time-code" required />
        <Button type="submit" loading={confirms.isPending}>
          {words.confirm}
        </Button>
      </form>
      {confirms.error && <Failure of={confirms.error} />}
    </Section>
  )
}
