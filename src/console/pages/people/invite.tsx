import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { everyClient, roles } from '#protocol'
import { invitePerson, listClients } from '../../api/calls.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { Copyable } from '../../parts/copyable.tsx'
import { Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import styles from './invite.module.css'
import { peopleWords } from './words.ts'

/** Makes a link with which somebody sets up an account. */
export function Invite() {
  const words = useWords(peopleWords)
  const { data: clients = [] } = useAnswer(listClients, {})
  const [role, setRole] = useState<(typeof roles)[number]>('operator')
  const [clientId, setClient] = useState<string>(everyClient)
  const invites = useAction(invitePerson)
  return (
    <>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          const email = new FormData(event.currentTarget).get('email')
          invites.mutate({ body: { email: typeof email === 'string' ? email : '', roles: [{ clientId, role }] } })
        }}
      >
        <TextInput name="email" type="email" label={words.email} required className={styles.email ?? ''} />
        <NativeSelect
          label={words.role}
          value={role}
          onChange={({ currentTarget: { value } }) => setRole(roles.find((each) => each === value) ?? 'operator')}
          data={roles.map((each) => ({ value: each, label: words[each] }))}
        />
        <NativeSelect
          label={words.forClient}
          value={clientId}
          onChange={({ currentTarget: { value } }) => setClient(value)}
          data={[
            { value: everyClient, label: words.everyClient },
            ...clients.map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
        <Button type="submit" variant="default" loading={invites.isPending}>
          {words.makeLink}
        </Button>
      </form>
      {invites.error && <Failure of={invites.error} />}
      {invites.data && (
        <div role="status">
          <Copyable text={invites.data.link} label={words.link} />
          <p>{words.linkHint}</p>
        </div>
      )}
    </>
  )
}
