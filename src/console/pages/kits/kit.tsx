import { Button, Checkbox, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AnswerOf } from '../../api/call.ts'
import { useAction } from '../../api/queries.ts'
import { confirmKit, makeKit } from '../../api/safety-calls.ts'
import type { readKit } from '../../api/safety-calls.ts'
import { saveAs } from '../../api/save-as.ts'
import { Moment } from '../../parts/figures.tsx'
import { Section } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import { useLocale, useWords } from '../../words/locale.ts'
import type { Client } from '../home/judge.ts'
import styles from './kits.module.css'
import { kitsWords } from './words.ts'

interface KitProps {
  readonly client: Client
  readonly state: AnswerOf<typeof readKit>
  readonly mayMake: boolean
  readonly mayHaveServer: boolean
}

/** Make → save and print → type its code back: only then it counts as put away. */
export function Kit({ client, state, mayMake, mayHaveServer }: KitProps) {
  const words = useWords(kitsWords)
  const said = state.state === 'stored' ? words.storedState : words[state.state]
  return (
    <Section title={client.name}>
      <p>
        <Status is={state.stored ? 'good' : 'bad'}>{said}</Status>{' '}
        {state.madeAt !== null && <Moment at={state.madeAt} />}
      </p>
      {!state.stored && <p>{state.lost}</p>}
      {mayMake && <Make client={client} mayHaveServer={mayHaveServer} />}
      {mayMake && state.madeAt !== null && <Confirm client={client} />}
    </Section>
  )
}

interface MakeProps {
  readonly client: Client
  readonly mayHaveServer: boolean
}

function Make({ client, mayHaveServer }: MakeProps) {
  const words = useWords(kitsWords)
  const { language } = useLocale()
  const makes = useAction(makeKit)
  const [withServer, setWithServer] = useState(false)
  const [contact, setContact] = useState('')
  const make = () => {
    const body = { language, withServer, ...(contact.trim() !== '' && { contact }) }
    makes.mutate({ params: { client: client.id }, body })
  }
  const page = makes.data?.page
  return (
    <>
      <div className={styles.form}>
        <TextInput
          label={words.contact}
          value={contact}
          maxLength={500}
          onChange={({ currentTarget }) => setContact(currentTarget.value)}
          className={styles.contact ?? ''}
        />
        <Button variant={page === undefined ? 'filled' : 'default'} loading={makes.isPending} onClick={make}>
          {words.make}
        </Button>
      </div>
      {mayHaveServer && (
        <Checkbox
          label={words.withServer}
          checked={withServer}
          onChange={({ currentTarget }) => setWithServer(currentTarget.checked)}
        />
      )}
      {makes.error && <Failure of={makes.error} />}
      {page !== undefined && (
        <div role="status">
          <p>{words.made}</p>
          <Button onClick={() => saveAs(new Blob([page], { type: 'text/html' }), `${client.name}.html`)}>
            {words.save}
          </Button>
        </div>
      )}
    </>
  )
}

function Confirm({ client }: { readonly client: Client }) {
  const words = useWords(kitsWords)
  const confirms = useAction(confirmKit)
  return (
    <>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          const code = new FormData(event.currentTarget).get('code')
          confirms.mutate({ params: { client: client.id }, body: { code: typeof code === 'string' ? code : '' } })
        }}
      >
        <TextInput name="code" label={words.code} required maxLength={200} autoComplete="off" />
        <Button type="submit" variant="default" loading={confirms.isPending}>
          {words.confirm}
        </Button>
      </form>
      {confirms.data && <p role="status">{words[confirms.data.result]}</p>}
      {confirms.error && <Failure of={confirms.error} />}
    </>
  )
}
