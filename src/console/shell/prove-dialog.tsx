import { Button, Modal, PasswordInput, TextInput } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import type { FormEvent } from 'react'
import { endSession, listSessions, readMe } from '../api/calls.ts'
import { registerAsker } from '../api/prove-anew.ts'
import { useAnswer } from '../api/queries.ts'
import { sendOnce } from '../api/send.ts'
import { signInByCode, signInByPassword } from '../api/sign-in-calls.ts'
import { Failure } from '../parts/states.tsx'
import { commonWords } from '../words/common.ts'
import { useWords } from '../words/locale.ts'
import { signInWords } from '../pages/sign-in/words.ts'

/** Asks once more who it is, where the server wants to be sure; the call that was refused is then made again. */
export function ProveDialog() {
  const words = useWords(signInWords)
  const common = useWords(commonWords)
  const [isOpen, setOpen] = useState(false)
  const [failure, setFailure] = useState<unknown>()
  const { data: me } = useAnswer(readMe, {})
  /** Of the first try: after a wrong code nobody is signed in who could ask for it. */
  const before = useRef<string | undefined>(undefined)
  const answer = useRef<((isProven: boolean) => void) | undefined>(undefined)

  useEffect(
    () =>
      registerAsker(async () => {
        setFailure(undefined)
        setOpen(true)
        return await new Promise<boolean>((resolve) => {
          answer.current = resolve
        })
      }),
    [],
  )

  const end = (isProven: boolean) => {
    setOpen(false)
    before.current = undefined
    answer.current?.(isProven)
  }
  const prove = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    setFailure(undefined)
    try {
      before.current ??= await ownSession()
      await showWho({ email: me?.email ?? '', password: textOf(form, 'password'), code: textOf(form, 'code') })
      if (before.current !== undefined) await sendOnce(endSession, { params: { session: before.current } })
      end(true)
    } catch (thrown) {
      setFailure(thrown)
    }
  }
  return (
    <Modal
      opened={isOpen}
      onClose={() => end(false)}
      title={words.proveTitle}
      closeButtonProps={{ 'aria-label': common.close }}
      lockScroll={false}
    >
      <form onSubmit={(event) => void prove(event)}>
        <p>{words.proveWhy}</p>
        <PasswordInput name="password" label={words.password} autoComplete="current-password" required data-autofocus />
        {me?.secondFactor === true && (
          <TextInput name="code" label={words.code} autoComplete="one-time-code" inputMode="numeric" required mt="sm" />
        )}
        {failure !== undefined && <Failure of={failure} />}
        <Button type="submit" mt="md">
          {words.prove}
        </Button>
      </form>
    </Modal>
  )
}

interface Shown {
  readonly email: string
  readonly password: string
  readonly code: string
}

async function ownSession(): Promise<string | undefined> {
  return (await sendOnce(listSessions, {})).find(({ isOwn }) => isOwn)?.id
}

/** Signs in anew. The session before is ended by the caller: nobody is left signed in twice. */
async function showWho({ email, password, code }: Shown): Promise<void> {
  const { twoFactorRedirect } = await sendOnce(signInByPassword, { body: { email, password } })
  if (twoFactorRedirect === true) await sendOnce(signInByCode, { body: { code } })
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}
