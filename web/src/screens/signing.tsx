/** Signing in, and making an account. */
import { type FormEvent, useEffect, useState } from 'react'
import { api, ask, Failure, newKey } from '../api/client'
import { cookiesWork } from '../api/cookies'
import { session } from '../api/session'
import { explain, type Messages, useMessages } from '../i18n'
import { useStanding, useTitle } from '../ui/hooks'
import { Button, Fault, Field } from '../ui/parts'
import { navigate } from '../ui/router'
import { goOn } from './frame'
import '../style/door.css'

export async function signIn(email: string, password: string): Promise<void> {
  const cookie = cookiesWork()
  const answer = await ask(api.POST('/api/v1/auth/login', { body: { email, password, cookie } }))
  session.signedIn(answer.access_token, answer.user, cookie ? null : (answer.refresh_token ?? null))
}

function whySignIn(error: unknown, t: Messages): string {
  return error instanceof Failure && error.status === 401 ? t.errorSignIn : explain(error, t)
}

export function SignInForm({ email: known, done }: { email?: string; done: () => void }) {
  const t = useMessages()
  const [email, setEmail] = useState(known ?? '')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const [cookies] = useState(cookiesWork)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    await signIn(email.trim(), password).then(done, (failed) => setError(whySignIn(failed, t)))
    setBusy(false)
  }
  return (
    <form onSubmit={submit} className="form">
      <Field
        label={t.email}
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(e) => setEmail(e.target.value)}
      />
      <Field
        label={t.password}
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(e) => setPassword(e.target.value)}
      />
      <Fault error={error} />
      {!cookies && <p className="error">{t.errorCookies}</p>}
      <button type="submit" className="button primary" disabled={busy}>
        {t.signIn}
      </button>
    </form>
  )
}

export function SignIn({ welcome = false }: { welcome?: boolean }) {
  const t = useMessages()
  const standing = useStanding()
  useTitle(t.signIn)
  useEffect(() => {
    if (standing.kind === 'in' && !welcome) goOn()
  }, [standing, welcome])
  return (
    <main id="main" className="door">
      {welcome && (
        <section className="welcome">
          <h1>{t.welcome}</h1>
          <p>{t.welcomeMore}</p>
        </section>
      )}
      <section className="card">
        <h2>{t.signIn}</h2>
        <SignInForm done={goOn} />
        <p className="quiet">
          {t.noAccount} <Button onClick={() => navigate(`/register${location.search}`)}>{t.makeAccount}</Button>
        </p>
      </section>
    </main>
  )
}

const RULES: Record<string, (value: string) => boolean> = {
  username: (value) => /^[A-Za-z0-9_-]{3,32}$/.test(value),
  email: (value) => /^[^\s@"]+@[^\s@"]+\.[^\s@"]+$/.test(value),
  password: (value) => [...value].length >= 10 && [...value].length <= 128,
}

type Account = { username: string; email: string; password: string }

function faultsOf(error: Failure, t: Messages): Partial<Account> {
  const rule: Account = { username: t.errorUsername, email: t.errorEmail, password: t.errorPassword }
  const named = Object.keys(error.errors).filter((name): name is keyof Account => name in rule)
  return Object.fromEntries(named.map((name) => [name, error.status === 409 ? t.errorTaken : rule[name]]))
}

export function Register() {
  const t = useMessages()
  const [account, setAccount] = useState<Account>({ username: '', email: '', password: '' })
  const [faults, setFaults] = useState<Partial<Account>>({})
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  useTitle(t.makeAccount)
  const rule: Account = { username: t.errorUsername, email: t.errorEmail, password: t.errorPassword }
  const refused = (failed: unknown) => {
    const found = failed instanceof Failure ? faultsOf(failed, t) : {}
    setFaults(found)
    const closed = failed instanceof Failure && failed.status === 403
    if (!Object.keys(found).length) setError(closed ? t.errorClosed : explain(failed, t))
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const body = { ...account, email: account.email.trim(), username: account.username.trim() }
    const wrong = (Object.keys(rule) as (keyof Account)[]).filter((name) => !RULES[name]?.(body[name]))
    setFaults(Object.fromEntries(wrong.map((name) => [name, rule[name]])))
    setError(null)
    if (wrong.length) return
    setBusy(true)
    const header = { 'Idempotency-Key': newKey() }
    const made = ask(api.POST('/api/v1/auth/register', { params: { header }, body }))
    await made.then(() => signIn(body.email, body.password)).then(goOn, refused)
    setBusy(false)
  }
  const field = (name: keyof Account) => ({
    required: true,
    value: account[name],
    error: faults[name],
    onChange: (e: { target: { value: string } }) => setAccount({ ...account, [name]: e.target.value }),
  })
  return (
    <main id="main" className="door">
      <section className="card">
        <h1>{t.makeAccount}</h1>
        <form onSubmit={submit} className="form" noValidate>
          <Field label={t.username} hint={t.usernameHint} autoComplete="nickname" {...field('username')} />
          <Field label={t.email} type="email" autoComplete="username" {...field('email')} />
          <Field
            label={t.password}
            type="password"
            hint={t.passwordHint}
            autoComplete="new-password"
            {...field('password')}
          />
          <Fault error={error} />
          <button type="submit" className="button primary" disabled={busy}>
            {t.makeAccount}
          </button>
        </form>
        <p className="quiet">
          {t.haveAccount} <Button onClick={() => navigate(`/sign-in${location.search}`)}>{t.signIn}</Button>
        </p>
      </section>
    </main>
  )
}
