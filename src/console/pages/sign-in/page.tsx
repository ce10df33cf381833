import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { passkeysWork, signInWithPasskey } from '../../api/passkeys.ts'
import { send } from '../../api/send.ts'
import { signInByCode, signInByPassword, signInByRecoveryCode } from '../../api/sign-in-calls.ts'
import { Failure } from '../../parts/states.tsx'
import { PlainFrame } from '../../shell/plain-frame.tsx'
import { useWords } from '../../words/locale.ts'
import { signInWords } from './words.ts'

type Step = 'password' | 'code' | 'recovery code'

export function SignInPage() {
  const words = useWords(signInWords)
  const [step, setStep] = useState<Step>('password')
  const enter = useEnter()
  return (
    <PlainFrame title={step === 'password' ? words.title : words.codeTitle}>
      {step === 'password' ? (
        <ByPassword onDone={(needsCode) => (needsCode ? setStep('code') : enter())} onEnter={enter} />
      ) : (
        <ByCode step={step} onStep={setStep} onDone={enter} />
      )}
    </PlainFrame>
  )
}

/** On to the page that one came for. */
function useEnter(): () => void {
  const client = useQueryClient()
  const navigate = useNavigate()
  const { to = '/' } = useSearch({ from: '/sign-in' })
  return () => {
    client.clear()
    void navigate({ href: to })
  }
}

interface ByPasswordProps {
  readonly onDone: (needsCode: boolean) => void
  readonly onEnter: () => void
}

function ByPassword({ onDone, onEnter }: ByPasswordProps) {
  const words = useWords(signInWords)
  const byPassword = useMutation({
    mutationFn: async (form: FormData) =>
      await send(signInByPassword, { body: { email: textOf(form, 'email'), password: textOf(form, 'password') } }),
    onSuccess: ({ twoFactorRedirect }) => onDone(twoFactorRedirect === true),
  })
  const byPasskey = useMutation({ mutationFn: signInWithPasskey, onSuccess: onEnter })
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          byPassword.mutate(new FormData(event.currentTarget))
        }}
      >
        <TextInput name="email" type="email" label={words.email} autoComplete="username" required autoFocus />
        <PasswordInput name="password" label={words.password} autoComplete="current-password" required />
        <Button type="submit" fullWidth loading={byPassword.isPending}>
          {words.signIn}
        </Button>
      </form>
      {passkeysWork(location.hostname) && (
        <Button variant="default" fullWidth onClick={() => byPasskey.mutate()}>
          {words.passkey}
        </Button>
      )}
      {byPassword.error && <Failure of={byPassword.error} />}
      {byPasskey.error && <p role="alert">{words.passkeyRefused}</p>}
      <p>{words.firstTime}</p>
    </>
  )
}

interface ByCodeProps {
  readonly step: 'code' | 'recovery code'
  readonly onStep: (step: Step) => void
  readonly onDone: () => void
}

function ByCode({ step, onStep, onDone }: ByCodeProps) {
  const words = useWords(signInWords)
  const isRecovery = step === 'recovery code'
  const byCode = useMutation({
    mutationFn: async (code: string) =>
      await send(isRecovery ? signInByRecoveryCode : signInByCode, { body: { code: code.trim() } }),
    onSuccess: onDone,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        byCode.mutate(textOf(new FormData(event.currentTarget), 'code'))
      }}
    >
      <TextInput
        key={step}
        name="code"
        label={isRecovery ? words.recoveryCode : words.code}
        autoComplete="one-time-code"
        {...(!isRecovery && { inputMode: 'numeric' })}
        required
        autoFocus
      />
      <Button type="submit" fullWidth loading={byCode.isPending}>
        {words.signIn}
      </Button>
      <Button variant="subtle" fullWidth onClick={() => onStep(isRecovery ? 'code' : 'recovery code')}>
        {isRecovery ? words.useCode : words.useRecoveryCode}
      </Button>
      {byCode.error && <Failure of={byCode.error} />}
    </form>
  )
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}
