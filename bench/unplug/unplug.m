-- The protocol of unplug.zd for Murphi (rumur). bench/run.py changes the size.

const
  WALKERS: 6;

type
  Walker: scalarset(WALKERS);
  Where: enum { OUTSIDE, LOOKING, TAKING, COUNTING, USING, PUTTING };

var
  slot: boolean;
  dead: boolean;
  users: 0..15;
  gone: boolean;
  freed: boolean;
  at: array [Walker] of Where;
  inside: array [Walker] of boolean;
  before: array [Walker] of boolean;
  step: 0..9;

startstate begin
  slot := true;
  dead := false;
  users := 0;
  gone := false;
  freed := false;
  for w: Walker do
    at[w] := OUTSIDE;
    inside[w] := false;
    before[w] := false;
  end;
  step := 0;
end;

ruleset w: Walker do
  rule "walker enters" at[w] = OUTSIDE ==> begin
    inside[w] := true;
    at[w] := LOOKING;
  end;

  rule "walker looks the range up" at[w] = LOOKING ==> begin
    if slot then
      at[w] := TAKING;
    else
      inside[w] := false;
      before[w] := false;
      at[w] := OUTSIDE;
    end;
  end;

  rule "walker asks whether it lives" at[w] = TAKING ==> begin
    assert !freed "it is freed";
    if !dead then
      at[w] := COUNTING;
    else
      inside[w] := false;
      before[w] := false;
      at[w] := OUTSIDE;
    end;
  end;

  rule "walker counts" at[w] = COUNTING ==> begin
    users := users + 1;
    inside[w] := false;
    before[w] := false;
    at[w] := USING;
  end;

  rule "walker uses the range" at[w] = USING ==> begin
    assert !gone "it is gone";
    at[w] := PUTTING;
  end;

  rule "walker puts the range" at[w] = PUTTING ==> begin
    users := users - 1;
    at[w] := OUTSIDE;
  end;
end;

rule "unplug: dead" step = 0 ==> begin
  dead := true;
  step := 1;
end;

rule "unplug: a grace period begins" step = 1 | step = 6 ==> begin
  for w: Walker do before[w] := inside[w]; end;
  step := step + 1;
end;

rule "unplug: a grace period ends"
  (step = 2 | step = 7) & forall w: Walker do !before[w] end ==> begin
  step := step + 1;
end;

rule "unplug: nobody uses it" step = 3 & users = 0 ==> begin
  step := 4;
end;

rule "unplug: gone" step = 4 ==> begin
  gone := true;
  step := 5;
end;

rule "unplug: no slot" step = 5 ==> begin
  slot := false;
  step := 6;
end;

rule "unplug: freed" step = 8 ==> begin
  freed := true;
  step := 9;
end;
