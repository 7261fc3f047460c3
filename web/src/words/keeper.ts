/** Carries out what the way of a typed word asks for, with the storage, the network and the clock that it is given. */
import {
  begin,
  type Draft,
  type Effect,
  type Happening,
  nextTick,
  type Outcome,
  type Pending,
  type State,
  step,
} from './way'

export interface Network {
  /** Never throws: what goes wrong is an outcome. */
  save(draft: Draft, pending: Pending): Promise<Outcome>
}

export interface Storage {
  /** Rejects when the draft could not be kept. Until it answers it counts as refusing after `STORAGE_PATIENCE_MS`. */
  put(draft: Draft): Promise<void>
}

export const STORAGE_PATIENCE_MS = 3000

export interface Clock {
  /** Milliseconds since some moment; a wrong time of day must not matter. */
  now(): number
  after(ms: number, call: () => void): () => void
}

export interface Surroundings {
  network: Network
  storage: Storage
  clock: Clock
  key(): string
  /** Called with text that has to replace the editor's. */
  place(draft: Draft): void
  /** Called after each step. */
  told(state: State): void
}

export class Keeper {
  state: State
  private cancel: (() => void) | null = null
  private closed = false

  constructor(
    draft: Draft,
    kept: number,
    private readonly around: Surroundings,
  ) {
    this.state = begin(draft, kept, around.clock.now())
    this.tell({ type: 'tick' })
  }

  tell(happened: Happening): void {
    if (this.closed) return
    const [state, effects] = step(this.state, happened, this.around.clock.now(), this.around.key)
    this.state = state
    for (const effect of effects) this.carryOut(effect)
    this.wind()
    this.around.told(this.state)
  }

  /** Keep and send now what would have waited: the window may be about to close. */
  flush(): void {
    this.state = { ...this.state, keepAt: this.state.keepAt === null ? null : -Infinity }
    if (this.state.sendAt !== null && !this.state.trouble) this.state = { ...this.state, sendAt: -Infinity }
    this.tell({ type: 'tick' })
  }

  /** Do nothing more. What is kept stays kept. */
  close(): void {
    this.closed = true
    this.cancel?.()
  }

  private carryOut(effect: Effect): void {
    const { network } = this.around
    const { draft } = effect
    switch (effect.do) {
      case 'place':
        this.around.place(draft)
        break
      case 'send':
        void network.save(draft, effect.pending).then((outcome) => this.tell({ type: 'answered', outcome }))
        break
      case 'keep':
        this.keep(draft)
    }
  }

  private keep(draft: Draft): void {
    const { storage, clock } = this.around
    const cancel = clock.after(STORAGE_PATIENCE_MS, () => this.tell({ type: 'unkept', draft }))
    const told = (type: 'kept' | 'unkept') => {
      cancel()
      this.tell({ type, draft })
    }
    storage.put(draft).then(
      () => told('kept'),
      () => told('unkept'),
    )
  }

  private wind(): void {
    this.cancel?.()
    this.cancel = null
    const at = nextTick(this.state)
    if (at === null || this.closed) return
    const wait = Math.max(0, at - this.around.clock.now())
    this.cancel = this.around.clock.after(wait, () => this.tell({ type: 'tick' }))
  }
}
