import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { setUp } from '../../api/calls.ts'
import { send } from '../../api/send.ts'
import { signInByPassword } from '../../api/sign-in-calls.ts'
import { Empty, Failure } from '../../parts/states.tsx'
import { PlainFrame } from '../../shell/plain-frame.tsx'
import { useWords } from '../../words/locale.ts'
import { setUpWords } from './words.ts'

export function SetUpPage() {
  const words = useWords(setUpWords)
  const client = useQueryClient()
  const navigate = useNavigate()
  // After the '#', so that it is in no log of a server or proxy.
  const [token] = useState(() => location.hash.slice(1))
  const setsUp = useMutation({
    mutationFn: async (form: FormData) => {
      const [name, email, password] = ['name', 'email', 'password'].map((field) => form.get(field) as string)
      const who = { email: email ?? '', password: password ?? '' }
      await send(setUp, { body: { token, name: name ?? '', ...who } })
      return await send(signInByPassword, { body: who })
    },
    onSuccess: async ({ twoFactorRedirect }) => {
      client.clear()
      await navigate(twoFactorRedirect === true ? { to: '/sign-in' } : { to: '/' })
    },
  })
  if (token === '') {
    return (
      <PlainFrame title={words.title}>
        <Empty title={words.noToken}>{words.noTokenHint}</Empty>
      </PlainFrame>
    )
  }
  return (
    <PlainFrame title={words.title}>
      <p>{words.lead}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          setsUp.mutate(new FormData(event.currentTarget))
        }}
      >
        <TextInput name="name" label={words.name} autoComplete="name" required maxLength={200} autoFocus />
        <TextInput name="email" type="email" label={words.email} autoComplete="username" required />
        <PasswordInput
          name="password"
          label={words.password}
          description={words.passwordHint}
          autoComplete="new-password"
          required
          minLength={12}
          maxLength={256}
        />
        <Button type="submit" fullWidth loading={setsUp.isPending}>
          {words.setUp}
        </Button>
      </form>
      {setsUp.error && <Failure of={setsUp.error} />}
    </PlainFrame>
  )
}
