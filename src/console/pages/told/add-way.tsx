import { Button, NativeSelect, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { ChannelKind } from '#protocol'
import { readMe } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { addChannel, setAlertPerson } from '../../api/channel-calls.ts'
import type { listAlertPeople, listChannels } from '../../api/channel-calls.ts'
import type { Person } from '../../api/person.ts'
import { askAnew, useAnswer } from '../../api/queries.ts'
import { send } from '../../api/send.ts'
import { Failure } from '../../parts/states.tsx'
import { useLocale, useWords } from '../../words/locale.ts'
import { channelOf, fieldsOf, freeId, mayBeEmpty, usual } from './new-channel.ts'
import type { Field } from './new-channel.ts'
import styles from './told.module.css'
import { toldWords } from './words.ts'

const kinds = Object.keys(fieldsOf) as ChannelKind[]

interface AddWayProps {
  readonly channels: AnswerOf<typeof listChannels>
  readonly people: AnswerOf<typeof listAlertPeople>
}

/** Makes a channel, and has whoever is signed in told on it. */
export function AddWay({ channels, people }: AddWayProps) {
  const words = useWords(toldWords)
  const { language } = useLocale()
  const client = useQueryClient()
  const { data: me } = useAnswer(readMe, {})
  const [kind, setKind] = useState<ChannelKind>('email')
  const adds = useMutation({
    mutationFn: async ({ form, who }: { readonly form: FormData; readonly who: Person }) => {
      const typed = (field: Field) => textOf(form, field)
      const id = freeId(
        kind,
        channels.map((channel) => channel.id),
      )
      await send(addChannel, { body: channelOf(kind, typed, { id, name: words[kind] }) })
      const known = people.find((person) => person.id === who.id)
      const way = { channel: id, ...(kind === 'email' && { address: typed('to') }) }
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
      const { id: _, ...before } = known ?? { id: who.id, name: who.name, language, timeZone, ways: [] }
      await send(setAlertPerson, { params: { person: who.id }, body: { ...before, ways: [...before.ways, way] } })
    },
    onSuccess: () => void askAnew(client, ['alert']),
  })
  if (!me) return null
  return (
    <>
      <form
        key={kind}
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          adds.mutate({ form: new FormData(event.currentTarget), who: me })
        }}
      >
        <NativeSelect
          label={words.kind}
          value={kind}
          onChange={({ currentTarget: { value } }) => setKind(kinds.find((each) => each === value) ?? 'email')}
          data={kinds.map((each) => ({ value: each, label: words[each] }))}
        />
        {fieldsOf[kind].map((field) => {
          const about = { name: field, label: words[field], required: !mayBeEmpty.has(field) }
          if (field === 'password') return <PasswordInput key={field} {...about} autoComplete="off" />
          return <TextInput key={field} {...about} defaultValue={field === 'to' ? me.email : (usual[field] ?? '')} />
        })}
        <Button type="submit" loading={adds.isPending}>
          {words.addDo}
        </Button>
      </form>
      {adds.isSuccess && <p role="status">{words.added}</p>}
      {adds.error && <Failure of={adds.error} />}
    </>
  )
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value.trim() : ''
}
