import { Button, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { listPasskeys } from '../../api/calls.ts'
import { makePasskey, passkeysWork } from '../../api/passkeys.ts'
import { askAnew, useAnswer } from '../../api/queries.ts'
import { Section } from '../../parts/page.tsx'
import { Answered, Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import styles from './account.module.css'
import { accountWords } from './words.ts'

export function Passkeys() {
  const words = useWords(accountWords)
  const client = useQueryClient()
  const query = useAnswer(listPasskeys, {})
  const adds = useMutation({ mutationFn: makePasskey, onSuccess: () => void askAnew(client, ['person']) })
  if (!passkeysWork(location.hostname)) {
    return (
      <Section title={words.passkeys}>
        <p>{words.passkeysNotHere}</p>
      </Section>
    )
  }
  return (
    <Section title={words.passkeys}>
      <Answered query={query}>
        {(passkeys) =>
          passkeys.length === 0 ? (
            <p>{words.noPasskeys}</p>
          ) : (
            <ul>
              {passkeys.map(({ id, name, isOfOneDevice }) => (
                <li key={id}>
                  {name ?? id} {isOfOneDevice && `(${words.oneDevice})`}
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          const name = new FormData(event.currentTarget).get('name')
          adds.mutate(typeof name === 'string' ? name : '')
        }}
      >
        <TextInput name="name" label={words.passkeyName} required maxLength={100} />
        <Button type="submit" variant="default" loading={adds.isPending}>
          {words.addPasskey}
        </Button>
      </form>
      {adds.error && <Failure of={adds.error} />}
    </Section>
  )
}
